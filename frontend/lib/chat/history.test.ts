import { describe, expect, test } from "vitest";
import type { Message } from "@/lib/api/types";
import { fromReply, fromStored, oldestIndex, withMessage, withPage, withTurn } from "./history";
import { type ChatMessage, textOf, toolsOf } from "./types";

function stored(index: number, over: Partial<Message> = {}): Message {
  return {
    index,
    turn_id: `t${Math.floor(index / 2)}`,
    role: index % 2 === 0 ? "user" : "assistant",
    text: `m${index}`,
    interrupted: false,
    stopped: false,
    created_at: "2026-11-24T09:00:00Z",
    ...over,
  };
}

function local(id: string, role: ChatMessage["role"], turn_id?: string): ChatMessage {
  return { id, role, parts: [{ type: "text", text: id }], metadata: { turn_id } };
}

const texts = (messages: ChatMessage[]) => messages.map(textOf);

describe("a stored message", () => {
  test("shows its tools before its words", () => {
    const call = { tool: "add_task", arguments: { title: "milk" }, result: { ok: {} } };
    const message = fromStored(stored(1, { tool_calls: [call], provider: "offline" }));
    expect(message.parts.map((part) => part.type)).toEqual(["dynamic-tool", "text"]);
    expect(toolsOf(message)[0]).toMatchObject({ toolName: "add_task", output: { ok: {} } });
    expect(message.metadata).toMatchObject({ turn_id: "t0", index: 1, provider: "offline" });
  });

  test("has the id its stream had", () => {
    expect(fromStored(stored(3)).id).toBe("t1");
    const reply = { conversation_id: "c", turn_id: "t1", response: "Stopped." };
    const stopped = fromReply({ ...reply, tool_calls: [], provider: "", stopped: true });
    expect(stopped.id).toBe("t1");
    expect(stopped.metadata?.stopped).toBe(true);
    // So the one takes the place of the other
    const shown = [local("key", "user", "t1"), local("t1", "assistant", "t1")];
    expect(texts(withMessage(shown, stopped))).toEqual(["key", "Stopped."]);
  });
});

describe("a page of stored messages", () => {
  test("takes the place of what was shown of its turns and leaves the rest", () => {
    // Given an older page, a turn that was streamed, and a message on its way
    const shown = [
      ...[0, 1].map((index) => fromStored(stored(index))),
      local("key-1", "user", "t1"),
      local("t1", "assistant", "t1"),
      local("key-2", "user"),
    ];
    // When the newest page comes
    const merged = withPage(shown, [stored(2), stored(3)]);
    // Then nothing is doubled and nothing is lost
    expect(texts(merged)).toEqual(["m0", "m1", "m2", "m3", "key-2"]);
  });

  test("stands before the newer ones when it is an older one", () => {
    const shown = [stored(4), stored(5)].map((message) => fromStored(message));
    const merged = withPage(shown, [stored(2), stored(3)]);
    expect(texts(merged)).toEqual(["m2", "m3", "m4", "m5"]);
  });

  test("keeps the answer that is coming in behind its question", () => {
    const shown = [local("key", "user", "t0"), local("t0", "assistant", "t0")];
    expect(texts(withPage(shown, [stored(0)]))).toEqual(["m0", "t0"]);
  });

  test("replaces older ones that it does not follow", () => {
    // Given a page that slept while much was said elsewhere
    const shown = [stored(0), stored(1)].map((message) => fromStored(message));
    const merged = withPage(shown, [stored(8), stored(9)]);
    expect(texts(merged)).toEqual(["m8", "m9"]);
    expect(oldestIndex(merged)).toBe(8);
  });

  test("that is empty changes nothing", () => {
    const shown = [fromStored(stored(0)), local("key", "user")];
    expect(withPage(shown, [])).toEqual(shown);
  });
});

describe("a message whose turn becomes known", () => {
  test("is marked with it", () => {
    const [message] = withTurn([local("key", "user")], "key", "t7");
    expect(message?.metadata?.turn_id).toBe("t7");
  });

  test("is dropped when it was read from the backend meanwhile", () => {
    // Given a reload: the message is stored, and on its way once more
    const shown = [fromStored(stored(0)), fromStored(stored(1)), local("key", "user")];
    // When the backend says it is the same turn, then it stands there once
    expect(texts(withTurn(shown, "key", "t0"))).toEqual(["m0", "m1"]);
  });
});
