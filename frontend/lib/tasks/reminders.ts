/**
 * Which reminders stand on the page: those that were given lately for tasks that are still open,
 * that nobody has put aside, and whose task nobody has touched since. They follow from the tasks,
 * so every tab shows the same, and one that comes back has missed none.
 */

import type { Task } from "@/lib/api/types";

/** Older ones are in the list as overdue, and nobody waits for them. In milliseconds. */
const LATELY = 12 * 3_600_000;
/** Most that are remembered as put aside. */
const REMEMBERED = 200;

/** A reminder of a task: the task, and the moment it was given for. */
export function reminderKey(task: Pick<Task, "task_id" | "reminded_for">): string {
  return `${task.task_id}@${task.reminded_for ? Date.parse(task.reminded_for) : ""}`;
}

/** The tasks to remind of, the newest reminder first. */
export function standingReminders(
  tasks: Iterable<Task>,
  handled: ReadonlySet<string>,
  now: number,
): Task[] {
  const found: Task[] = [];
  for (const task of tasks) {
    if (task.status === "done" || !task.reminded_for) continue;
    const given = Date.parse(task.reminded_for);
    // Whoever changed it later, here or elsewhere, knows of it: one that was done and is open
    // again, for example. Being reminded is no such change.
    const dealtWith = Date.parse(task.updated_at) > given || handled.has(reminderKey(task));
    if (now - given < LATELY && !dealtWith) found.push(task);
  }
  const given = (task: Task) => Date.parse(task.reminded_for ?? "");
  return found.sort((one, other) => given(other) - given(one));
}

const listeners = new Set<() => void>();
const read = new Map<string, { text: string; handled: ReadonlySet<string> }>();

function itemName(userId: string): string {
  return `todo.reminders.handled.${userId}`;
}

/** The reminders that were put aside in this browser; the same set until one more is. */
export function handledReminders(userId: string): ReadonlySet<string> {
  const text = stored(userId);
  const known = read.get(userId);
  if (known?.text === text) return known.handled;
  const handled = new Set(text.split(" ").filter(Boolean));
  read.set(userId, { text, handled });
  return handled;
}

/** Puts a reminder aside, in all tabs. */
export function markHandled(userId: string, task: Pick<Task, "task_id" | "reminded_for">): void {
  const all = [...handledReminders(userId), reminderKey(task)].slice(-REMEMBERED);
  const text = [...new Set(all)].join(" ");
  try {
    localStorage.setItem(itemName(userId), text);
  } catch {
    // Nothing is stored here: it holds for as long as the page is open.
    read.set(userId, { text: stored(userId), handled: new Set(all) });
  }
  for (const listener of listeners) listener();
}

/** Forgets what was put aside. */
export function forgetHandled(userId: string): void {
  localStorage.removeItem(itemName(userId));
}

/** Hears of reminders put aside, here or in another tab. */
export function onHandled(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener("storage", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("storage", listener);
  };
}

function stored(userId: string): string {
  try {
    return localStorage.getItem(itemName(userId)) ?? "";
  } catch {
    return "";
  }
}
