import { describe, expect, test } from "vitest";
import { cardOf } from "./cards";
import type { ToolPart } from "./types";

const reader = { zone: "Europe/Berlin", today: "2026-11-24", locale: "en-GB" };

function part(toolName: string, input: object, output: unknown, over: object = {}): ToolPart {
  const base = { type: "dynamic-tool", toolName, toolCallId: "1", state: "output-available" };
  return { ...base, input, output, ...over } as ToolPart;
}

function ok(toolName: string, task: object, input: object = {}) {
  return cardOf(part(toolName, input, { ok: { task } }), reader);
}

const weekly = { rule: "FREQ=WEEKLY", words: "every week on Monday" };

describe("what was done", () => {
  test("a task that was added says when it is due and how it repeats", () => {
    const task = {
      title: "buy milk",
      due_at: "2026-11-25T08:00:00Z",
      recurrence: weekly,
      priority: "high",
      tags: ["home", "shop"],
    };
    expect(ok("add_task", task)).toEqual({
      kind: "added",
      verb: "Added",
      title: "buy milk",
      facts: ["Tomorrow, 09:00", "Every week on Monday", "High priority", "#home #shop"],
    });
  });

  test.each([
    ["complete_task", "Marked as done", []],
    ["reopen_task", "Opened again", ["Today"]],
    ["delete_task", "Deleted", []],
    ["reschedule_task", "Moved", ["Today"]],
    ["set_recurrence", "Repeats no more", ["Today"]],
  ])("%s is told as: %s", (tool, verb, facts) => {
    const task = { title: "milk", due_date: "2026-11-24" };
    expect(ok(tool, task)).toMatchObject({ verb, title: "milk", facts });
  });

  test("a date that was removed, a repetition that was set", () => {
    expect(ok("reschedule_task", { title: "milk" }).verb).toBe("Took the date off");
    const card = ok("set_recurrence", { title: "milk", recurrence: weekly });
    expect(card).toMatchObject({ verb: "Repeats", facts: ["Every week on Monday"] });
  });

  test("a change names what changed", () => {
    const task = { title: "oat milk", priority: "normal", tags: [], notes: null };
    expect(ok("update_task", task, { title: "oat milk" })).toMatchObject({
      verb: "Renamed",
      facts: [],
    });
    const input = { priority: "normal", tags: [], notes: "" };
    const facts = ["Normal priority", "No tags", "Notes removed"];
    expect(ok("update_task", task, input)).toMatchObject({ verb: "Changed", facts });
  });

  test("what was taken back is named", () => {
    const output = { ok: { undone: "completed", task: { title: "milk" } } };
    const card = cardOf(part("undo", {}, output), reader);
    expect(card).toMatchObject({ verb: "Took back: marked as done", title: "milk" });
  });

  test("lists, zones and tools of a newer backend", () => {
    const listed = cardOf(part("list_tasks", {}, { ok: { tasks: [], total: 1 } }), reader);
    expect(listed).toMatchObject({ kind: "looked", facts: ["1 task"] });
    const zone = cardOf(part("set_time_zone", {}, { ok: { time_zone: "Asia/Tokyo" } }), reader);
    expect(zone).toMatchObject({ verb: "Set your time zone", title: "Asia/Tokyo" });
    const odd = { ok: { omitted: "too long to keep" } };
    expect(cardOf(part("share_task", {}, odd), reader)).toMatchObject({ title: "share task" });
    expect(cardOf(part("add_task", {}, odd), reader)).toMatchObject({ verb: "Added", facts: [] });
  });
});

test("a refusal is told in its own words", () => {
  const output = { refused: { code: "invalid", message: "That moment has passed." } };
  const card = cardOf(part("add_task", { title: "milk" }, output), reader);
  expect(card).toEqual({
    kind: "refused",
    verb: "Not added",
    title: "milk",
    facts: ["That moment has passed."],
  });
});

test("a tool at work, and one of which nobody knows what came of it", () => {
  const working = cardOf(
    part("add_task", { title: "milk" }, undefined, { state: "input-available" }),
    reader,
  );
  expect(working).toEqual({ kind: "working", verb: "Adding", title: "milk", facts: [] });
  const errorText = "It is not known whether this was done.";
  const lost = cardOf(
    part("add_task", {}, undefined, { state: "output-error", errorText }),
    reader,
  );
  expect(lost.kind).toBe("unknown");
  expect(lost.facts).toEqual([errorText, "Look at your tasks before you ask again."]);
});
