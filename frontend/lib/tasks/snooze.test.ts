import { describe, expect, it } from "vitest";
import type { Task } from "@/lib/api/types";
import { remindAt } from "./due";
import { type Snooze, snoozePatch } from "./snooze";

const zone = "Europe/Berlin";
/** Tuesday, 10:00 in Berlin. */
const now = Date.parse("2026-11-24T09:00:00Z");

function task(fields: Partial<Task>): Task {
  return {
    task_id: "task-1",
    title: "milk",
    status: "open",
    priority: "normal",
    created_at: "2026-11-01T00:00:00Z",
    updated_at: "2026-11-01T00:00:00Z",
    ...fields,
  };
}

const series = {
  rule: "FREQ=DAILY",
  words: "every day",
  start: "2026-11-01T10:00:00",
  zone,
  occurrence: "2026-11-24T10:00:00",
};

/** The minutes until the next reminder after a snooze, by the backend's rules. */
function minutesUntilReminder(before: Task, snooze: Snooze): number {
  const after = { ...before, ...snoozePatch(before, snooze, zone, now) };
  return ((remindAt(after, zone) ?? 0) - now) / 60_000;
}

describe("snoozing", () => {
  it("a task that is due moves its due moment", () => {
    const due = task({ due_at: "2026-11-24T09:00:00Z" });
    expect(snoozePatch(due, "10min", zone, now)).toEqual({
      due_at: "2026-11-24T09:10:00.000Z",
      due_date: null,
    });
    expect(minutesUntilReminder(due, "1h")).toBe(60);
    expect(snoozePatch(due, "tomorrow", zone, now)).toMatchObject({
      due_at: "2026-11-25T08:00:00.000Z",
    });
  });

  it("a task that reminds ahead stays due when it was, as long as that is later", () => {
    const meeting = task({ due_at: "2026-11-24T09:30:00Z", reminder_offset_minutes: 30 });
    expect(snoozePatch(meeting, "10min", zone, now)).toEqual({ reminder_offset_minutes: 20 });
    // An hour is past the meeting: it moves, and the reminder still comes in an hour
    expect(snoozePatch(meeting, "1h", zone, now)).toMatchObject({
      due_at: "2026-11-24T10:30:00.000Z",
    });
    expect(minutesUntilReminder(meeting, "1h")).toBe(60);
  });

  it("a repeating task keeps its series and its minutes ahead", () => {
    const daily = task({
      due_at: "2026-11-24T09:30:00Z",
      reminder_offset_minutes: 30,
      recurrence: series,
    });
    const patch = snoozePatch(daily, "10min", zone, now);
    expect(patch).not.toHaveProperty("recurrence");
    expect(patch).not.toHaveProperty("reminder_offset_minutes");
    expect(minutesUntilReminder(daily, "10min")).toBe(10);
  });

  it("a task due on a day is due on the next, or gets a time when it is sooner", () => {
    const today = task({ due_date: "2026-11-24" });
    expect(snoozePatch(today, "tomorrow", zone, now)).toEqual({
      due_at: null,
      due_date: "2026-11-25",
    });
    expect(minutesUntilReminder(today, "10min")).toBe(10);
    expect(minutesUntilReminder(today, "1h")).toBe(60);
  });

  it("a reminder a day ahead of a day comes again tomorrow, and the day stays", () => {
    const tomorrow = task({ due_date: "2026-11-26", reminder_offset_minutes: 1_440 });
    const patch = snoozePatch(tomorrow, "tomorrow", zone, now);
    expect(patch).toEqual({ reminder_offset_minutes: 1_440 });
    const weekly = task({ ...tomorrow, due_date: "2026-11-25", recurrence: series });
    expect(snoozePatch(weekly, "tomorrow", zone, now)).toEqual({
      due_at: null,
      due_date: "2026-11-26",
    });
    expect(minutesUntilReminder(weekly, "tomorrow")).toBe(23 * 60);
  });

  it("tomorrow is nine o'clock, also when the clocks change in between", () => {
    const before = Date.parse("2026-03-28T20:00:00Z");
    const due = task({ due_at: "2026-03-28T20:00:00Z" });
    expect(snoozePatch(due, "tomorrow", zone, before)).toMatchObject({
      due_at: "2026-03-29T07:00:00.000Z",
    });
  });

  it("an overdue task comes back in ten minutes", () => {
    const old = task({ due_date: "2026-11-20" });
    expect(minutesUntilReminder(old, "10min")).toBe(10);
  });
});
