import { useEffect } from "react";

/**
 * Fetches parts of the page that are loaded when they are first needed, once the page stands:
 * without a connection they could not be had any more. `load` is a function of a module.
 */
export function usePreload(load: () => Promise<unknown>[]): void {
  useEffect(() => {
    // A part that fails is fetched again when it is needed.
    for (const part of load()) part.catch(() => {});
  }, [load]);
}
