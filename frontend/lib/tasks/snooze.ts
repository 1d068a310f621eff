/**
 * Being reminded again later. A reminder hangs on the due moment, some minutes ahead of it, so this
 * changes the one or the other:
 *
 * - While the task is not due yet, the reminder moves and the due moment stays. Not so for a
 *   repeating task, whose minutes ahead would hold for every later occurrence.
 * - Else the due moment moves. That of a repeating task moves this occurrence alone.
 * - "Tomorrow" leaves a task that is due on a day due on a day.
 */

import type { Task, TaskPatch } from "@/lib/api/types";
import { addDays, dayIn, instantAt } from "./days";
import { at, DAY_REMINDER, onDay, remindAt } from "./due";

export const SNOOZES = ["10min", "1h", "tomorrow"] as const;
export type Snooze = (typeof SNOOZES)[number];

export const SNOOZE_NAMES: Record<Snooze, string> = {
  "10min": "10 min",
  "1h": "1 hour",
  tomorrow: "Tomorrow",
};

const MINUTE = 60_000;
const DAY_MINUTES = 1_440;

/** The moment at which to remind again, in milliseconds. */
export function snoozedUntil(snooze: Snooze, zone: string, now: number): number {
  if (snooze === "10min") return now + 10 * MINUTE;
  if (snooze === "1h") return now + 60 * MINUTE;
  return instantAt(addDays(dayIn(zone, now), 1), DAY_REMINDER, zone);
}

/** The change after which the next reminder of `task` comes at the snoozed moment. */
export function snoozePatch(task: Task, snooze: Snooze, zone: string, now: number): TaskPatch {
  const until = snoozedUntil(snooze, zone, now);
  const ahead = task.reminder_offset_minutes ?? 0;
  const due = remindAt({ ...task, reminder_offset_minutes: 0 }, zone);
  if (!task.recurrence && due !== null && until < due) {
    return { reminder_offset_minutes: Math.floor((due - until) / MINUTE) };
  }
  if (task.due_date && snooze === "tomorrow") {
    const days = Math.ceil(ahead / DAY_MINUTES);
    return onDay(addDays(dayIn(zone, until), days));
  }
  return at(until + ahead * MINUTE);
}
