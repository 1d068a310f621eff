import { describe, expect, test } from "vitest";
import type { Phase } from "./session-state";
import type { ChatMessage, PendingSend } from "./types";
import { arrange } from "./waiting";

const OFFLINE: Phase = { name: "waiting", why: "offline", sentence: "You are offline." };

function send(key: string, more: Partial<PendingSend> = {}): PendingSend {
  return { key, threadId: "conv", text: key, writtenAt: 0, ...more };
}

function said(id: string, turn_id?: string): ChatMessage {
  return { id, role: "user", parts: [{ type: "text", text: id }], metadata: { turn_id } };
}

/** What stands above and below how the first is doing, by key. */
function shown(queue: PendingSend[], phase: Phase, messages: ChatMessage[] = []) {
  const { above, below } = arrange(queue, messages, phase);
  return [above, below].map((sends) => sends.map(({ key }) => key).join(" "));
}

describe("what waits", () => {
  test("stands below the answer to the first", () => {
    expect(
      shown([send("a", { tried: true }), send("b")], { name: "answering" }, [said("a")]),
    ).toEqual(["", "b"]);
  });

  test("does not show for the moment in which it is sent again after a reload", () => {
    expect(shown([send("a", { tried: true }), send("b")], { name: "idle" })).toEqual(["", "b"]);
  });

  test("shows in whole while there is no connection, above the words that say so", () => {
    expect(shown([send("a"), send("b")], OFFLINE)).toEqual(["a b", ""]);
  });

  test("has the question whether the first is still meant right below the first", () => {
    const [b, c] = [send("b"), send("c")];
    expect(shown([send("a"), b, c], { name: "stale" })).toEqual(["a", "b c"]);
    const tried = send("a", { tried: true });
    expect(shown([tried, b, c], { name: "stale" })).toEqual(["a", "b c"]);
    expect(shown([tried, b, c], { name: "stale" }, [said("a")])).toEqual(["", "b c"]);
  });

  test.each<Phase>([{ name: "stale" }, OFFLINE])(
    "shows once also if it was tried before a reload: $name",
    (phase) => {
      const tried = send("a", { tried: true });
      expect(shown([tried], phase).join("")).toBe("a");
      expect(shown([tried], phase, [said("a")]).join("")).toBe("");
      // Read from the backend, it has another id
      const taken = send("a", { tried: true, turnId: "turn" });
      expect(shown([taken], phase).join("")).toBe("a");
      expect(shown([taken], phase, [said("turn/user", "turn")]).join("")).toBe("");
    },
  );
});
