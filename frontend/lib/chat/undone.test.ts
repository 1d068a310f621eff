import { expect, test } from "vitest";
import { MemoryStorage } from "./memory-storage";
import { forgetPerson } from "./storage";
import { UndoneCards } from "./undone";

test("what was undone stays so over a reload, for its own person", () => {
  const store = new MemoryStorage();
  new UndoneCards("ann", store).add("t1/0");
  new UndoneCards("ann", store).add("t2/1");
  expect([...new UndoneCards("ann", store).read()]).toEqual(["t1/0", "t2/1"]);
  expect(new UndoneCards("bob", store).read().size).toBe(0);
  forgetPerson("ann", store);
  expect(store.length).toBe(0);
});

test("the oldest are forgotten, and without a storage all", () => {
  const cards = new UndoneCards("ann", new MemoryStorage());
  for (let n = 0; n <= 200; n++) cards.add(`t${n}/0`);
  expect(cards.read().size).toBe(200);
  expect(cards.read().has("t0/0")).toBe(false);
  const nowhere = new UndoneCards("ann", undefined);
  nowhere.add("t1/0");
  expect(nowhere.read().size).toBe(0);
});
