/** What was typed and could not be saved, on its way back to where it was typed. */

import type { NewTask, TaskPatch } from "@/lib/api/types";

export type Draft =
  | { id: null; fields: NewTask }
  /** Of the task with that id. */
  | { id: string; fields: TaskPatch };

let draft: Draft | null = null;
const listeners = new Set<() => void>();

/** Offers a draft to its editor; null once it has been taken. */
export function offerDraft(offered: Draft | null): void {
  draft = offered;
  for (const listener of listeners) listener();
}

export function offeredDraft(): Draft | null {
  return draft;
}

export function onDraft(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
