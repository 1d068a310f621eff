import { describe, expect, test } from "vitest";
import { MemoryStorage } from "./memory-storage";
import { isStale, Outbox, STALE_AFTER } from "./outbox";
import type { PendingSend } from "./types";

const send = (key: string, writtenAt: number): PendingSend => ({
  key,
  threadId: "c",
  text: `say ${key}`,
  writtenAt,
});

describe("the outbox", () => {
  test("survives a reload with its keys, in the order things were written", () => {
    // Given messages written before a reload
    const store = new MemoryStorage();
    const before = new Outbox("ann", store);
    before.put(send("second", 2));
    before.put(send("first", 1));
    // When the page comes back, then the same keys go on
    expect(new Outbox("ann", store).all().map(({ key }) => key)).toEqual(["first", "second"]);
  });

  test("is each person's own", () => {
    const store = new MemoryStorage();
    new Outbox("ann", store).put(send("k", 1));
    expect(new Outbox("bob", store).all()).toEqual([]);
  });

  test("forgets what was answered", () => {
    const outbox = new Outbox("ann", new MemoryStorage());
    outbox.put(send("k", 1));
    outbox.remove("k");
    expect(outbox.all()).toEqual([]);
  });

  test("knows what another tab has removed, and does not put it back", () => {
    const store = new MemoryStorage();
    const [here, there] = [new Outbox("ann", store), new Outbox("ann", store)];
    here.put(send("k", 1));
    expect(there.all().map(({ key }) => key)).toEqual(["k"]);
    here.remove("k");
    expect(there.isGone("k")).toBe(true);
    there.put({ ...send("k", 1), tried: true });
    expect(here.all()).toEqual([]);
    // What could not be stored has not been removed
    const nowhere = new Outbox("ann", undefined);
    nowhere.put(send("k", 1));
    expect(nowhere.isGone("k")).toBe(false);
  });

  test("passes over what is no message and works without a storage", () => {
    const store = new MemoryStorage();
    store.setItem("chat/ann/send/x", "{");
    store.setItem("chat/ann/send/y", '{"key":1}');
    expect(new Outbox("ann", store).all()).toEqual([]);
    const nowhere = new Outbox("ann", undefined);
    nowhere.put(send("k", 1));
    expect(nowhere.all()).toEqual([]);
  });

  test("sends nothing unasked that has waited for half a day", () => {
    expect(isStale(send("k", 0), STALE_AFTER)).toBe(false);
    expect(isStale(send("k", 0), STALE_AFTER + 1)).toBe(true);
    expect(isStale({ ...send("k", 0), meantAt: STALE_AFTER }, STALE_AFTER + 1)).toBe(false);
    // One that has arrived is only asked about again
    expect(isStale({ ...send("k", 0), turnId: "t" }, STALE_AFTER + 1)).toBe(false);
  });
});
