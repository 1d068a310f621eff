import { useSyncExternalStore } from "react";

const nothing = () => () => {};

/**
 * False on the server and for the first paint, which has to be the server's; true from then on.
 *
 * For what only the browser knows, and for what carries style attributes: our policy lets scripts
 * set styles, but not the server's HTML.
 */
export function useInBrowser(): boolean {
  return useSyncExternalStore(
    nothing,
    () => true,
    () => false,
  );
}
