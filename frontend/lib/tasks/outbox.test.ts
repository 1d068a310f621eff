import { describe, expect, it, vi } from "vitest";
import type { Task } from "@/lib/api/types";
import { type Attempt, Outbox, type Store } from "./outbox";
import { type Pending, temporaryId, withPending } from "./pending";

const milk: Task = {
  task_id: "task-1",
  title: "milk",
  status: "open",
  priority: "normal",
  created_at: "2026-11-24T09:00:00Z",
  updated_at: "2026-11-24T09:00:00Z",
};

/** An outbox whose sends are answered by the test. */
function world(stored: Pending[] = []) {
  const kept = new Map(stored.map((pending) => [pending.key, pending]));
  const store: Store = {
    load: () => [...kept.values()],
    put: (pending) => void kept.set(pending.key, pending),
    remove: (key) => void kept.delete(key),
  };
  const sent: { pending: Pending; answer: (attempt: Attempt<string>) => Promise<void> }[] = [];
  const refused: string[] = [];
  const answered: string[] = [];
  const waits: { ms: number; then: () => void }[] = [];
  let keys = 0;
  const outbox = new Outbox<string>({
    send: (pending) =>
      new Promise((resolve) => {
        const answer = async (attempt: Attempt<string>) => {
          resolve(attempt);
          await Promise.resolve();
          await Promise.resolve();
        };
        sent.push({ pending, answer });
      }),
    answered: (pending, answer) => answered.push(`${pending.change.kind} ${answer}`),
    refused: (pending, reason) => refused.push(`${pending.title}: ${reason}`),
    idOf: (answer) => answer,
    store,
    newKey: () => {
      keys += 1;
      return `k${keys}`;
    },
    now: () => new Date("2026-11-24T10:00:00Z"),
    wait: (ms, then) => {
      const entry = { ms, then };
      waits.push(entry);
      return () => void waits.splice(waits.indexOf(entry), 1);
    },
  });
  const last = () => {
    const newest = sent.at(-1);
    if (!newest) throw new Error("nothing was sent");
    return newest;
  };
  return { outbox, sent, last, refused, answered, waits, kept };
}

describe("the outbox", () => {
  it("sends one change after the other, in order", async () => {
    const { outbox, sent, last, answered, kept } = world();
    outbox.add({ kind: "complete", id: "task-1" }, "milk");
    outbox.add({ kind: "reopen", id: "task-1" }, "milk");
    expect(sent).toHaveLength(1);
    await last().answer({ kind: "answered", answer: "one" });
    expect(sent).toHaveLength(2);
    await last().answer({ kind: "answered", answer: "two" });
    expect(answered).toEqual(["complete one", "reopen two"]);
    expect(outbox.snapshot()).toEqual({ pending: [], stuck: false });
    expect(kept.size).toBe(0);
  });

  it("tries again under the same key, less and less often", async () => {
    const { outbox, sent, last, waits } = world();
    const { key } = outbox.add({ kind: "complete", id: "task-1" }, "milk");
    const pauses: number[] = [];
    for (let n = 0; n < 7; n += 1) {
      await last().answer({ kind: "later", after: null });
      expect(outbox.snapshot().stuck).toBe(true);
      const wait = waits.pop();
      pauses.push(wait?.ms ?? 0);
      wait?.then();
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16000, 30000, 30000]);
    expect(new Set(sent.map(({ pending }) => pending.key))).toEqual(new Set([key]));
    // As long as the backend asks for
    await last().answer({ kind: "later", after: 5_000 });
    expect(waits.pop()?.ms).toBe(5_000);
  });

  it("tries at once when the way is open again", async () => {
    const { outbox, sent, last, waits } = world();
    outbox.add({ kind: "complete", id: "task-1" }, "milk");
    await last().answer({ kind: "later", after: null });
    outbox.resume();
    expect(waits).toHaveLength(0);
    expect(sent).toHaveLength(2);
  });

  it("gives back what is refused and goes on with the rest", async () => {
    const { outbox, sent, last, refused } = world();
    outbox.add({ kind: "update", id: "task-1", patch: { title: "" } }, "milk");
    outbox.add({ kind: "complete", id: "task-2" }, "bread");
    await last().answer({ kind: "refused", reason: "A task needs a title.", gone: false });
    expect(refused).toEqual(["milk: A task needs a title."]);
    expect(sent).toHaveLength(2);
  });

  it("tells later changes the id of a task that was new", async () => {
    const { outbox, last, kept } = world();
    const added = outbox.add({ kind: "add", task: { title: "tea" } }, "tea");
    const temporary = temporaryId(added.key);
    outbox.add({ kind: "complete", id: temporary }, "tea");
    await last().answer({ kind: "answered", answer: "task-9" });
    expect(last().pending.change).toEqual({ kind: "complete", id: "task-9" });
    expect([...kept.values()][0]?.change).toEqual({ kind: "complete", id: "task-9" });
    expect(outbox.resolve(temporary)).toBe("task-9");
    // One that was made with the old id in mind, too
    outbox.add({ kind: "delete", id: temporary }, "tea");
    expect(outbox.snapshot().pending.at(-1)?.change).toEqual({ kind: "delete", id: "task-9" });
  });

  it("drops what hangs on a new task that was refused", async () => {
    const { outbox, sent, last, kept } = world();
    const added = outbox.add({ kind: "add", task: { title: "tea" } }, "tea");
    outbox.add({ kind: "complete", id: temporaryId(added.key) }, "tea");
    await last().answer({ kind: "refused", reason: "You have too many.", gone: false });
    expect(sent).toHaveLength(1);
    expect(outbox.snapshot().pending).toEqual([]);
    expect(kept.size).toBe(0);
  });

  it("goes on after a reload where it was", () => {
    const before = world();
    before.outbox.add({ kind: "complete", id: "task-1" }, "milk");
    before.outbox.close();
    const after = world([...before.kept.values()]);
    expect(after.sent).toHaveLength(0);
    after.outbox.resume();
    expect(after.last().pending.key).toBe("k1");
  });

  it("calls off what was not sent yet, and nothing else", async () => {
    const { outbox, last } = world();
    const first = outbox.add({ kind: "complete", id: "task-1" }, "milk");
    const second = outbox.add({ kind: "add", task: { title: "tea" } }, "tea");
    outbox.add({ kind: "complete", id: temporaryId(second.key) }, "tea");
    expect(outbox.cancel(first.key)).toBe(false);
    expect(outbox.cancel(second.key)).toBe(true);
    expect(outbox.snapshot().pending).toEqual([first]);
    await last().answer({ kind: "answered", answer: "task-1" });
    expect(outbox.snapshot().pending).toEqual([]);
  });

  it("tells those who listen", () => {
    const { outbox } = world();
    const listener = vi.fn();
    const stop = outbox.subscribe(listener);
    outbox.add({ kind: "complete", id: "task-1" }, "milk");
    stop();
    outbox.add({ kind: "reopen", id: "task-1" }, "milk");
    expect(listener).toHaveBeenCalledTimes(1);
  });
});

describe("tasks with changes that wait", () => {
  const made = "2026-11-24T10:00:00.000Z";
  const over = (...changes: Pending["change"][]) => {
    const pending = changes.map((change, n) => ({ key: `k${n}`, change, title: "", made }));
    return withPending(new Map([["task-1", milk]]), pending);
  };

  it("look as if these had been made", () => {
    expect(over({ kind: "complete", id: "task-1" }).get("task-1")).toMatchObject({
      status: "done",
      completed_at: made,
    });
    expect(over({ kind: "delete", id: "task-1" }).size).toBe(0);
    const undo = { kind: "undo", id: "task-1", of: "k0", before: milk } as const;
    expect(over({ kind: "delete", id: "task-1" }, undo).get("task-1")).toEqual(milk);
  });

  it("are due on a day or at a moment, never both", () => {
    const day = over({
      kind: "update",
      id: "task-1",
      patch: { due_at: null, due_date: "2026-11-25" },
    });
    expect(day.get("task-1")).toMatchObject({ due_at: null, due_date: "2026-11-25" });
    const moment = over({ kind: "update", id: "task-1", patch: { due_at: made } });
    expect(moment.get("task-1")).toMatchObject({ due_at: made, due_date: null });
  });

  it("have new ones among them, with what was said of them", () => {
    const task = {
      title: " tea ",
      tags: ["home"],
      recurrence: "FREQ=DAILY",
      due_date: "2026-11-25",
    };
    const added = over({ kind: "add", task }).get("new-k0");
    expect(added).toMatchObject({
      title: "tea",
      tags: ["home"],
      status: "open",
      priority: "normal",
      recurrence: { words: "every day" },
    });
  });

  it("are there once when the live feed tells of a new one before its answer comes", () => {
    const told = { ...milk, task_id: "task-2", title: "tea", created_at: "2026-11-24T10:00:00.2Z" };
    const tasks = new Map([milk, told].map((task) => [task.task_id, task]));
    const add = (key: string): Pending => {
      return { key, change: { kind: "add", task: { title: "tea " } }, title: "tea", made };
    };
    const done = { kind: "complete", id: temporaryId("k0") } as const;
    const pending = [add("k0"), { key: "k1", change: done, title: "tea", made }];
    const once = withPending(tasks, pending);
    expect([...once.keys()]).toEqual(["task-1", "task-2"]);
    // What was done with it since is done with the one that is there
    expect(once.get("task-2")).toMatchObject({ task_id: "task-2", status: "done" });
    // A second one of that name is another, and one from before is none of them
    expect([...withPending(tasks, [...pending, add("k2")]).keys()]).toHaveLength(3);
    const older = new Map([["task-1", { ...milk, title: "tea" }]]);
    expect(withPending(older, [add("k0")]).size).toBe(2);
  });

  it("do not come back by a change once they are gone", () => {
    const gone = over({ kind: "delete", id: "task-1" }, { kind: "complete", id: "task-1" });
    expect(gone.size).toBe(0);
  });
});
