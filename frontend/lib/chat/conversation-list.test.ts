import { describe, expect, test } from "vitest";
import { type ConversationPages, listed, withUpdate } from "./conversation-list";

const then = "2026-11-24T08:00:00Z";
const now = "2026-11-24T09:00:00Z";

function conversation(id: string) {
  const times = { created_at: then, updated_at: then };
  return { conversation_id: id, title: `about ${id}`, message_count: 2, ...times };
}

const pages: ConversationPages = {
  pages: [
    { items: [conversation("a"), conversation("b")], next_cursor: "x" },
    { items: [conversation("c")] },
  ],
  pageParams: [undefined, "x"],
};

const ids = (list: ConversationPages) => listed(list).map((each) => each.conversation_id);

describe("the list of conversations", () => {
  test("has the one on top in which something is said", () => {
    const update = { change: "message.added", conversation_id: "c", index: 4 };
    const after = withUpdate(pages, update, now);
    expect(ids(after)).toEqual(["c", "a", "b"]);
    expect(listed(after)[0]).toMatchObject({ message_count: 5, updated_at: now });
    expect(after.pages[0]?.next_cursor).toBe("x");
  });

  test("gets new ones, once", () => {
    const update = { change: "conversation.started", conversation_id: "d", title: "milk" };
    const after = withUpdate(pages, update, now);
    expect(listed(after)[0]).toMatchObject({ conversation_id: "d", title: "milk" });
    expect(withUpdate(after, update, now)).toBe(after);
  });

  test("follows new titles and deletions", () => {
    const renamed = { change: "conversation.renamed", conversation_id: "b", title: "shopping" };
    expect(listed(withUpdate(pages, renamed, now))[0]?.title).toBe("shopping");
    const deleted = { change: "conversation.deleted", conversation_id: "a" };
    expect(ids(withUpdate(pages, deleted, now))).toEqual(["b", "c"]);
  });

  test("leaves what it does not know to the next reading", () => {
    for (const change of ["message.added", "conversation.renamed", "conversation.turn_resumed"]) {
      expect(withUpdate(pages, { change, conversation_id: "z" }, now)).toBe(pages);
    }
  });

  test("shows one once that moved between two pages while they were read", () => {
    const twice = { ...pages, pages: [...pages.pages, { items: [conversation("a")] }] };
    expect(ids(twice)).toEqual(["a", "b", "c"]);
  });
});
