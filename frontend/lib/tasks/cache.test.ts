import { describe, expect, it } from "vitest";
import type { Task } from "@/lib/api/types";
import { EMPTY, TaskLedger, type TaskList, type TaskUpdate } from "./cache";

function task(n: number, minute: number, fields: Partial<Task> = {}): Task {
  const at = `2026-11-24T09:${String(minute).padStart(2, "0")}:00Z`;
  return {
    task_id: `task-${n}`,
    title: `t${n}`,
    status: "open",
    priority: "normal",
    created_at: at,
    updated_at: at,
    ...fields,
  };
}

function update(sequence: number, change: string, of: Task, gone = false): TaskUpdate {
  return { task_id: of.task_id, change, task: gone ? null : of, sequence };
}

const titles = (list: TaskList) => [...list.byId.values()].map(({ title }) => title);

describe("the live feed", () => {
  it("adds, changes and removes tasks", () => {
    const ledger = new TaskLedger();
    let list = ledger.told(update(1, "created", task(1, 0)), EMPTY);
    expect(titles(list)).toEqual(["t1"]);
    list = ledger.told(update(2, "updated", task(1, 1, { title: "milk" })), list);
    expect(titles(list)).toEqual(["milk"]);
    list = ledger.told(update(3, "deleted", task(1, 1), true), list);
    expect(titles(list)).toEqual([]);
    list = ledger.told(update(4, "restored", task(1, 2)), list);
    expect(titles(list)).toEqual(["t1"]);
  });

  it("is not believed twice, nor when it is late", () => {
    const ledger = new TaskLedger();
    const newer = update(5, "updated", task(1, 5, { title: "new" }));
    const list = ledger.told(newer, EMPTY);
    expect(ledger.told(newer, list)).toBe(list);
    expect(ledger.told(update(4, "updated", task(1, 4)), list)).toBe(list);
  });

  it("does not take back what the answer to a change has shown already", () => {
    const ledger = new TaskLedger();
    const open = task(1, 0);
    let list = ledger.told(update(1, "created", open), EMPTY);
    list = ledger.answered("task-1", task(1, 3, { title: "reopened" }), list);
    const late = update(2, "completed", task(1, 2, { status: "done" }));
    expect(titles(ledger.told(late, list))).toEqual(["reopened"]);
    // What comes after is believed again
    list = ledger.told(update(4, "updated", task(1, 4, { title: "later" })), list);
    expect(titles(list)).toEqual(["later"]);
  });

  it("does not bring back what was just deleted here", () => {
    const ledger = new TaskLedger();
    let list = ledger.told(update(1, "created", task(1, 0)), EMPTY);
    list = ledger.answered("task-1", null, list);
    list = ledger.told(update(2, "updated", task(1, 1)), list);
    expect(titles(list)).toEqual([]);
    list = ledger.told(update(3, "deleted", task(1, 1), true), list);
    list = ledger.told(update(4, "restored", task(1, 2)), list);
    expect(titles(list)).toEqual(["t1"]);
  });

  it("shows a reminder though the task counts as unchanged", () => {
    const ledger = new TaskLedger();
    let list = ledger.answered("task-1", task(1, 0), EMPTY);
    const reminded = task(1, 0, { reminded_for: "2026-11-24T09:30:00Z" });
    list = ledger.told(update(2, "reminded", reminded), list);
    expect(list.byId.get("task-1")?.reminded_for).toBe("2026-11-24T09:30:00Z");
  });
});

describe("a list that takes a while to read", () => {
  it("keeps what happened meanwhile", () => {
    const ledger = new TaskLedger();
    let list = ledger.loaded([task(1, 0), task(2, 0), task(3, 0)], ledger.mark(), true);
    // Given a list that is being read again
    const mark = ledger.mark();
    list = ledger.told(update(7, "deleted", task(1, 0), true), list);
    list = ledger.answered("task-2", task(2, 5, { title: "changed" }), list);
    list = ledger.told(update(8, "created", task(4, 6)), list);
    // When it comes with task 3 newer, and everything else as it was before
    list = ledger.loaded([task(1, 0), task(2, 0), task(3, 7, { title: "newer" })], mark, true);
    // Then what was said meanwhile stands
    expect(titles(list)).toEqual(["changed", "newer", "t4"]);
  });

  it("is the truth about everything before it", () => {
    const ledger = new TaskLedger();
    let list = ledger.told(update(1, "created", task(1, 0)), EMPTY);
    list = ledger.told(update(2, "created", task(2, 0)), list);
    list = ledger.told(update(3, "deleted", task(2, 0), true), list);
    // Task 1 was deleted and task 2 restored while nothing was heard
    list = ledger.loaded([task(2, 9)], ledger.mark(), true);
    expect(titles(list)).toEqual(["t2"]);
    list = ledger.told(update(9, "updated", task(2, 10, { title: "again" })), list);
    expect(titles(list)).toEqual(["again"]);
  });
});
