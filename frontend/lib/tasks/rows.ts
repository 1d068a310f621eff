/** A list in rows: headings and tasks, as a long list is drawn. */

import type { Task } from "@/lib/api/types";
import type { Group } from "./views";

export type Row =
  | { kind: "heading"; id: string; label: string; count: number }
  | { kind: "task"; id: string; task: Task };

export function rowsOf(groups: readonly Group[]): Row[] {
  return groups.flatMap(({ id, label, tasks }): Row[] => [
    { kind: "heading", id: `heading ${id}`, label, count: tasks.length },
    ...tasks.map((task): Row => ({ kind: "task", id: task.task_id, task })),
  ]);
}

/** The task `step` tasks away from the row at `from`; null beyond the ends. */
export function neighbour(rows: readonly Row[], from: number, step: 1 | -1): number | null {
  for (let n = from + step; n >= 0 && n < rows.length; n += step) {
    if (rows[n]?.kind === "task") return n;
  }
  return null;
}

/** The row to go to when the one at `place` has gone: what took its place, else what was before. */
export function successor(rows: readonly Row[], place: number): number | null {
  const here = Math.min(place, rows.length - 1);
  if (rows[here]?.kind === "task") return here;
  return neighbour(rows, here, 1) ?? neighbour(rows, here, -1);
}
