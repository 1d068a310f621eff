import { describe, expect, it } from "vitest";
import type { Task } from "@/lib/api/types";
import { editFields, patchOf, problemsOf, withDraft, withTags } from "./edit";
import { clockAt } from "./views";

const zone = "Europe/Berlin";
/** Tuesday, 24 November 2026, 10:00 in Berlin. */
const clock = clockAt(zone, Date.parse("2026-11-24T09:00:00Z"));
const task: Task = {
  task_id: "task-1",
  title: "gym",
  status: "open",
  priority: "normal",
  tags: ["sport"],
  due_at: "2026-11-24T17:00:12.345Z",
  reminder_offset_minutes: 30,
  recurrence: {
    rule: "FREQ=DAILY",
    words: "every day",
    start: "2026-11-01T18:00:00",
    zone,
    occurrence: "2026-11-24T18:00:00",
  },
  created_at: "2026-11-01T00:00:00Z",
  updated_at: "2026-11-01T00:00:00Z",
};
const fields = editFields(task, zone);
const patch = (change: Partial<typeof fields>) => patchOf(task, { ...fields, ...change }, zone);
const problems = (change: Partial<typeof fields>) =>
  problemsOf(task, { ...fields, ...change }, clock);

describe("editing a task", () => {
  it("changes nothing that stayed as it was, down to the second", () => {
    expect(patch({})).toEqual({});
    expect(patch({ title: " gym " })).toEqual({});
  });

  it("sends what changed, and null for what was cleared", () => {
    expect(patch({ title: "run", notes: " in the park ", priority: "high" })).toEqual({
      title: "run",
      notes: "in the park",
      priority: "high",
    });
    expect(patch({ offset: 0, tags: [], rule: null, due: { day: "", time: "" } })).toEqual({
      tags: [],
      due_at: null,
      due_date: null,
      reminder_offset_minutes: null,
      recurrence: null,
    });
  });

  it("moves one occurrence and leaves the series alone", () => {
    expect(patch({ due: { day: "2026-11-25", time: "18:00" } })).toEqual({
      due_at: "2026-11-25T17:00:00.000Z",
      due_date: null,
    });
  });

  it("makes a moment a day when the time is cleared", () => {
    expect(patch({ due: { day: "2026-11-24", time: "" } })).toEqual({
      due_at: null,
      due_date: "2026-11-24",
    });
  });

  it("says what cannot be, where it stands", () => {
    expect(problems({})).toEqual({});
    expect(problems({ title: "  " })).toEqual({ title: "A task needs a title." });
    expect(problems({ title: "x".repeat(201) })).toHaveProperty("title");
    expect(problems({ title: "😀".repeat(200) })).toEqual({});
    expect(problems({ notes: "x".repeat(4_001) })).toHaveProperty("notes");
    expect(problems({ due: { day: "", time: "" } })).toEqual({
      due: "A repeating task needs a date.",
    });
    expect(problems({ due: { day: "2026-11-24", time: "09:30" } })).toHaveProperty("due");
    expect(problems({ due: { day: "2026-11-24", time: "" } })).toEqual({});
    expect(problems({ tags: Array.from({ length: 11 }, (_, n) => `t${n}`) })).toHaveProperty(
      "tags",
    );
  });

  it("does not mind a moment that passed before", () => {
    const late = { ...task, due_at: "2026-11-20T17:00:00Z" };
    expect(problemsOf(late, { ...editFields(late, zone), title: "run" }, clock)).toEqual({});
  });

  it("takes up what was refused", () => {
    const again = withDraft(fields, { title: "run", due_at: null, due_date: "2026-11-20" }, zone);
    expect(again).toEqual({ ...fields, title: "run", due: { day: "2026-11-20", time: "" } });
    expect(withDraft(fields, { recurrence: null, notes: null }, zone)).toMatchObject({
      rule: null,
      notes: "",
    });
  });

  it("reads tags one by one or in a row", () => {
    expect(withTags(["a"], " #b, c ,a,,")).toEqual(["a", "b", "c"]);
    expect(withTags([], "x".repeat(50))).toEqual(["x".repeat(40)]);
  });
});
