/** When a task is due: on a day, or at an instant. */

import type { Task } from "@/lib/api/types";
import { addDays, type Day, dayIn, instantAt, isDay, startOf, timeIn } from "./days";

/** The two ways to be due, as the backend keeps them. */
export interface Due {
  due_at: string | null;
  due_date: string | null;
}

/** What a date and a time field say; empty text where nothing is chosen. */
export interface DueFields {
  day: string;
  time: string;
}

export const NO_DUE: Due = { due_at: null, due_date: null };

/** The time at which the backend reminds of a task that is due on a day. */
export const DAY_REMINDER = "09:00";

type Dated = Pick<Task, "due_at" | "due_date">;

/** Both fields, null where absent. */
export function dueOf(task: Dated): Due {
  return { due_at: task.due_at ?? null, due_date: task.due_date ?? null };
}

export function sameDue(one: Dated, other: Dated): boolean {
  const [a, b] = [dueOf(one), dueOf(other)];
  const at = (due: Due) => (due.due_at ? Date.parse(due.due_at) : null);
  return a.due_date === b.due_date && at(a) === at(b);
}

/** The day a task is due in `zone`; null without a due moment. */
export function dueDay(task: Dated, zone: string): Day | null {
  if (task.due_at) return dayIn(zone, Date.parse(task.due_at));
  return task.due_date ?? null;
}

/** The instant after which it is overdue (a day counts as its end); null without a due moment. */
export function dueMoment(task: Dated, zone: string): number | null {
  if (task.due_at) return Date.parse(task.due_at);
  return task.due_date ? startOf(addDays(task.due_date, 1), zone) : null;
}

/** The instant of its reminder in `zone`; null without a due moment. */
export function remindAt(
  task: Dated & Pick<Task, "reminder_offset_minutes">,
  zone: string,
): number | null {
  const offset = (task.reminder_offset_minutes ?? 0) * 60_000;
  if (task.due_at) return Date.parse(task.due_at) - offset;
  return task.due_date ? instantAt(task.due_date, DAY_REMINDER, zone) - offset : null;
}

/** What the fields of an editor show of a due moment. */
export function fieldsOf(due: Dated, zone: string): DueFields {
  if (!due.due_at) return { day: due.due_date ?? "", time: "" };
  const at = Date.parse(due.due_at);
  return { day: dayIn(zone, at), time: timeIn(zone, at) };
}

/** What the fields say: a day alone is a day, a day with a time an instant. */
export function dueFrom({ day, time }: DueFields, zone: string): Due {
  if (!isDay(day)) return NO_DUE;
  return time === "" ? onDay(day) : at(instantAt(day, time, zone));
}

/** Due on a day. */
export function onDay(day: Day): Due {
  return { due_at: null, due_date: day };
}

/** Due at an instant, in milliseconds. */
export function at(instant: number): Due {
  return { due_at: new Date(instant).toISOString(), due_date: null };
}

/** The same task on another day: one that has a time of day keeps it. */
export function movedTo(task: Dated, day: Day | null, zone: string): Due {
  if (day === null) return NO_DUE;
  return task.due_at ? at(instantAt(day, timeIn(zone, Date.parse(task.due_at)), zone)) : onDay(day);
}
