"use client";

import { useCallback, useEffect, useState } from "react";

type Draggable = typeof import("@atlaskit/pragmatic-drag-and-drop/element/adapter").draggable;

/** Marks what is dragged as a task of this list. */
export const DRAGGED = "task";

/** Makes rows draggable once the code for it is there, which nobody waits for. */
export function useDraggableRow(): (
  id: string,
) => (element: HTMLElement | null) => (() => void) | undefined {
  const [draggable, setDraggable] = useState<{ make: Draggable } | null>(null);
  useEffect(() => {
    let gone = false;
    import("@atlaskit/pragmatic-drag-and-drop/element/adapter").then(
      (adapter) => {
        if (!gone) setDraggable({ make: adapter.draggable });
      },
      () => {
        // Without a connection it cannot be had; menu and keys move tasks as well.
      },
    );
    return () => {
      gone = true;
    };
  }, []);
  return useCallback(
    (id) => (element) =>
      element && draggable
        ? draggable.make({ element, getInitialData: () => ({ [DRAGGED]: id }) })
        : undefined,
    [draggable],
  );
}
