import { describe, expect, test } from "vitest";
import type { ChatMessage, ToolPart } from "./types";
import { undoable } from "./undo";

function call(toolName: string, task_id: string, ok = true): ToolPart {
  const task = { task_id, updated_at: `${toolName} ${task_id}`, title: task_id };
  const output = ok ? { ok: { task } } : { refused: { code: "x", message: "No." } };
  const base = { type: "dynamic-tool", toolCallId: "1", state: "output-available" } as const;
  return { ...base, toolName, input: {}, output };
}

function answer(turn_id: string, ...parts: ToolPart[]): ChatMessage {
  return { id: turn_id, role: "assistant", parts, metadata: { turn_id } };
}

const none = new Set<string>();
const nothing = new Map<string, string>();
const LATER = "This task was changed after this. Undo that first.";

function states(messages: ChatMessage[], undone = none, refused = nothing): Map<string, string> {
  const cards = [...undoable(messages, undone, refused)];
  return new Map(
    cards.map(([card, state]) => [
      card,
      state.can ? "can" : state.undone ? "undone" : state.reason,
    ]),
  );
}

describe("undo on cards", () => {
  const messages = [
    answer("t1", call("add_task", "a"), call("add_task", "b")),
    answer("t2", call("list_tasks", "a"), call("delete_task", "a", false)),
    answer("t3", call("complete_task", "b")),
  ];

  test("is offered on the newest change of each task; earlier ones say why not", () => {
    const expected = { "t1/0": "can", "t1/1": LATER, "t3/0": "can" };
    expect(Object.fromEntries(states(messages))).toEqual(expected);
  });

  test("goes on with the one before", () => {
    const found = states(messages, new Set(["t3/0"]));
    expect([found.get("t3/0"), found.get("t1/1")]).toEqual(["undone", "can"]);
  });

  test("knows the change by its task and moment", () => {
    const state = undoable(messages, none, nothing).get("t3/0");
    const change = { card: "t3/0", task_id: "b", updated_at: "complete_task b" };
    expect(state).toEqual({ can: true, change });
  });

  test("sees what was undone by saying so", () => {
    const found = states([...messages, answer("t4", call("undo", "b"))]);
    expect([found.get("t3/0"), found.get("t1/1")]).toEqual(["undone", "can"]);
    // An undo of something that is on no card here leaves the cards alone
    expect(states([...messages, answer("t4", call("undo", "z"))])).toEqual(states(messages));
  });

  test("that the backend refused says why", () => {
    const refused = new Map([["t3/0", "It was changed since."]]);
    expect(states(messages, none, refused).get("t3/0")).toBe("It was changed since.");
  });
});
