import { describe, expect, it } from "vitest";
import type { Task } from "@/lib/api/types";
import { reminderKey, standingReminders } from "./reminders";

const now = Date.parse("2026-11-24T09:00:00Z");

function task(id: string, reminded_for: string | null, status: Task["status"] = "open"): Task {
  return {
    task_id: id,
    title: id,
    status,
    priority: "normal",
    reminded_for,
    created_at: "2026-11-01T00:00:00Z",
    updated_at: "2026-11-01T00:00:00Z",
  };
}

const standing = (tasks: Task[], handled: string[] = []) =>
  standingReminders(tasks, new Set(handled), now).map(({ task_id }) => task_id);

describe("the reminders on the page", () => {
  it("are those given lately for open tasks, the newest first", () => {
    const tasks = [
      task("first", "2026-11-24T08:00:00Z"),
      task("second", "2026-11-24T08:59:00Z"),
      task("done", "2026-11-24T08:00:00Z", "done"),
      task("none", null),
      task("yesterday", "2026-11-23T09:00:00Z"),
    ];
    expect(standing(tasks)).toEqual(["second", "first"]);
  });

  it("are none for a task that was changed since, as by completing and opening it again", () => {
    const reminded = task("task-1", "2026-11-24T08:00:00Z");
    expect(standing([{ ...reminded, updated_at: "2026-11-24T08:00:01Z" }])).toEqual([]);
    expect(standing([{ ...reminded, updated_at: "2026-11-24T07:59:00Z" }])).toEqual(["task-1"]);
  });

  it("go when put aside, and come back with the next reminder of the task", () => {
    const first = task("task-1", "2026-11-24T08:00:00Z");
    const handled = [reminderKey(first)];
    expect(standing([first], handled)).toEqual([]);
    expect(standing([{ ...first, reminded_for: "2026-11-24T08:00:00.000Z" }], handled)).toEqual([]);
    expect(standing([{ ...first, reminded_for: "2026-11-24T08:10:00Z" }], handled)).toEqual([
      "task-1",
    ]);
  });
});
