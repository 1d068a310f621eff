import { expect, test } from "vitest";
import { Drafts } from "./drafts";
import { MemoryStorage } from "./memory-storage";

test("a draft survives a reload, in its own conversation and for its own person", () => {
  const store = new MemoryStorage();
  const drafts = new Drafts("ann", store);
  drafts.write("c1", "buy mi");
  drafts.write(undefined, "something new");
  const later = new Drafts("ann", store);
  expect(later.read("c1")).toBe("buy mi");
  expect(later.read(undefined)).toBe("something new");
  expect(later.read("c2")).toBe("");
  expect(new Drafts("bob", store).read("c1")).toBe("");
});

test("what was sent leaves nothing behind", () => {
  const store = new MemoryStorage();
  const drafts = new Drafts("ann", store);
  drafts.write("c1", "buy milk");
  drafts.write("c1", "");
  expect(store.length).toBe(0);
});
