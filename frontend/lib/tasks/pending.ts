/** Changes the person has made and the backend has not answered yet, laid over what it has. */

import type { NewTask, Task, TaskPatch } from "@/lib/api/types";
import { ruleWords } from "./recurrence";

export type Change =
  | { kind: "add"; task: NewTask }
  | { kind: "update"; id: string; patch: TaskPatch }
  | { kind: "complete" | "reopen" | "delete"; id: string }
  /**
   * Takes the change with the key `of` back, unless the task has been changed since. `before` is
   * the task as it will be then, null if there will be none.
   */
  | { kind: "undo"; id: string; of: string; before: Task | null };

export interface Pending {
  /** Its idempotency key. */
  key: string;
  change: Change;
  /** The title of the task it is about, for people. */
  title: string;
  /** When it was made, RFC 3339. */
  made: string;
}

/** The id of a task that has none of the backend's yet. */
export function temporaryId(key: string): string {
  return `new-${key}`;
}

/** The task a change is about. */
export function subjectOf({ key, change }: Pending): string {
  return change.kind === "add" ? temporaryId(key) : change.id;
}

/** The tasks as they will be once every change has been answered. */
export function withPending(
  tasks: ReadonlyMap<string, Task>,
  pending: readonly Pending[],
): ReadonlyMap<string, Task> {
  if (pending.length === 0) return tasks;
  const after = new Map(tasks);
  // What the backend calls added tasks of which the live feed told before their answer came.
  const told = new Map<string, string>();
  for (const each of pending) {
    const subject = subjectOf(each);
    if (each.change.kind === "add") {
      const id = arrived(each.change.task.title.trim(), each.made, tasks, [...told.values()]);
      if (id !== null) {
        told.set(subject, id);
        continue;
      }
    }
    const id = told.get(subject) ?? subject;
    const task = changed(after.get(id), each);
    if (task) after.set(id, { ...task, task_id: id });
    else after.delete(id);
  }
  return after;
}

/** The task an addition has become already: of the same title, made since, and not `taken`. */
function arrived(
  title: string,
  since: string,
  tasks: ReadonlyMap<string, Task>,
  taken: readonly string[],
): string | null {
  const made = Date.parse(since);
  for (const [id, task] of tasks) {
    if (task.title !== title || taken.includes(id)) continue;
    if (Date.parse(task.created_at) >= made) return id;
  }
  return null;
}

function changed(task: Task | undefined, pending: Pending): Task | null {
  const { change, made } = pending;
  if (change.kind === "add") return created(pending, change.task);
  if (change.kind === "undo") return change.before && { ...change.before, task_id: change.id };
  if (!task || change.kind === "delete") return null;
  if (change.kind === "update") return patched(task, change.patch, made);
  const done = change.kind === "complete";
  return { ...task, status: done ? "done" : "open", completed_at: done ? made : null };
}

function created({ key, made }: Pending, { recurrence, ...task }: NewTask): Task {
  const blank: Task = {
    task_id: temporaryId(key),
    title: task.title,
    status: "open",
    priority: "normal",
    created_at: made,
    updated_at: made,
  };
  return patched(blank, { ...task, recurrence }, made);
}

function patched(task: Task, patch: TaskPatch, made: string): Task {
  const { recurrence, title, priority, tags, ...rest } = patch;
  const next: Task = { ...task, ...rest };
  if (title) next.title = title.trim();
  if (priority !== undefined) next.priority = priority ?? "normal";
  if (tags !== undefined) next.tags = tags ?? [];
  // The two ways to be due exclude each other.
  if (rest.due_at) next.due_date = null;
  if (rest.due_date) next.due_at = null;
  if ("due_at" in rest || "due_date" in rest || "reminder_offset_minutes" in rest) {
    next.reminded_for = null;
  }
  if (recurrence === null) next.recurrence = null;
  if (recurrence) {
    const start = next.due_at ?? next.due_date ?? made;
    const words = ruleWords(recurrence);
    next.recurrence = { rule: recurrence, words, start, zone: "", occurrence: start };
  }
  return next;
}
