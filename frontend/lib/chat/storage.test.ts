import { expect, test } from "vitest";
import { MemoryStorage } from "./memory-storage";
import { forgetPerson } from "./storage";

test("who signs out leaves nothing of their chat, and others' alone", () => {
  const store = new MemoryStorage();
  for (const name of ["chat/ann/draft/", "chat/ann/send/k", "chat/bob/draft/", "theme"]) {
    store.setItem(name, "x");
  }
  forgetPerson("ann", store);
  expect([store.key(0), store.key(1), store.length]).toEqual(["chat/bob/draft/", "theme", 2]);
});
