"use client";

import { type RefObject, useCallback, useEffect, useRef, useState } from "react";
import { type Row, successor } from "@/lib/tasks/rows";

/** Frames to wait for a row to be drawn before giving up on the focus. */
const FRAMES = 20;

/**
 * The row that the keyboard is at. When its task leaves the list, complete or moved, the focus goes
 * to the task that took its place.
 */
export function useActiveRow(
  rows: readonly Row[],
  list: RefObject<HTMLElement | null>,
  scrollTo: (index: number) => void,
) {
  const [id, setId] = useState<string | null>(null);
  const place = useRef(0);
  const inside = useRef(false);
  let index = rows.findIndex((row) => row.id === id);
  if (index < 0) index = successor(rows, id === null ? 0 : place.current) ?? -1;
  const current = rows[index]?.id ?? null;

  const focus = useCallback(
    (target: string | null) => {
      if (target === null) return;
      let frames = 0;
      const attempt = () => {
        const row = list.current?.querySelector(`[data-task="${CSS.escape(target)}"] input`);
        if (row instanceof HTMLElement) row.focus({ preventScroll: true });
        else if (++frames < FRAMES) requestAnimationFrame(attempt);
      };
      attempt();
    },
    [list],
  );

  useEffect(() => {
    place.current = Math.max(index, 0);
    if (id === null || current === id) return;
    setId(current);
    const lost = document.activeElement === null || document.activeElement === document.body;
    if (inside.current && lost) focus(current);
  }, [index, id, current, focus]);

  /** Goes to a row, with the focus. */
  const goTo = useCallback(
    (to: number | null) => {
      const row = to === null ? undefined : rows[to];
      if (to === null || row?.kind !== "task") return;
      setId(row.id);
      scrollTo(to);
      focus(row.id);
    },
    [rows, scrollTo, focus],
  );

  return {
    id: current,
    index,
    goTo,
    focus,
    onFocus: (event: React.FocusEvent) => {
      inside.current = true;
      const row = (event.target as HTMLElement).closest<HTMLElement>("[data-task]");
      if (row?.dataset.task) setId(row.dataset.task);
    },
    onBlur: (event: React.FocusEvent) => {
      // A row that was removed loses the focus to nobody.
      if (event.relatedTarget !== null || (event.target as HTMLElement).isConnected) {
        inside.current = event.currentTarget.contains(event.relatedTarget);
      }
    },
  };
}
