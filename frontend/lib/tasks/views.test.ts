import { describe, expect, it } from "vitest";
import type { Task } from "@/lib/api/types";
import { movedTo } from "./due";
import { dayLabel, dueLabel, offsetLabel } from "./format";
import {
  type Clock,
  clockAt,
  counts,
  type Filter,
  grouped,
  isOverdue,
  NO_FILTER,
  nextChange,
  tagsOf,
  type View,
} from "./views";

let n = 0;
function task(title: string, fields: Partial<Task> = {}): Task {
  n += 1;
  return {
    task_id: `task-${n}`,
    title,
    status: "open",
    priority: "normal",
    created_at: "2026-11-01T00:00:00Z",
    updated_at: "2026-11-01T00:00:00Z",
    ...fields,
  };
}

/** Group labels with the titles in them. */
function shown(tasks: Task[], view: View, clock: Clock, filter: Filter = NO_FILTER) {
  return grouped(tasks, view, filter, clock).map((group) => [
    group.label,
    ...group.tasks.map(({ title }) => title),
  ]);
}

/** Tuesday, 24 November 2026, 10:00 in Berlin. */
const clock = clockAt("Europe/Berlin", Date.parse("2026-11-24T09:00:00Z"));
const tasks = [
  task("someday"),
  task("report", { due_at: "2026-11-24T08:00:00Z" }),
  task("call", { due_at: "2026-11-24T16:00:00Z" }),
  task("milk", { due_date: "2026-11-24" }),
  task("rent", { due_date: "2026-11-20" }),
  task("gym", { due_date: "2026-11-25", tags: ["sport"] }),
  task("trip", { due_date: "2026-12-24", priority: "high", notes: "Book the Train" }),
  task("old", { status: "done", completed_at: "2026-11-23T23:30:00Z" }),
];

describe("the views", () => {
  it("have each task where people look for it", () => {
    expect(shown(tasks, "today", clock)).toEqual([
      ["Earlier today", "report"],
      ["Today", "call", "milk"],
    ]);
    expect(shown(tasks, "upcoming", clock)).toEqual([
      ["Tomorrow", "gym"],
      [dayLabel("2026-12-24", clock.today), "trip"],
    ]);
    expect(shown(tasks, "overdue", clock).map(([, ...titles]) => titles)).toEqual([
      ["rent"],
      ["report"],
    ]);
    expect(shown(tasks, "all", clock).map(([label]) => label)).toEqual([
      "Overdue",
      "Today",
      "Tomorrow",
      dayLabel("2026-12-24", clock.today),
      "No date",
    ]);
    // Half past midnight in Berlin
    expect(shown(tasks, "done", clock)).toEqual([["Today", "old"]]);
  });

  it("leave no open task out of all", () => {
    expect(counts(tasks, NO_FILTER, clock)).toEqual({
      today: 3,
      upcoming: 2,
      overdue: 2,
      all: 7,
      done: 1,
    });
  });

  it("go by the person's zone, not the browser's", () => {
    const late = [task("late", { due_at: "2026-11-24T23:30:00Z" })];
    const at = (zone: string) => clockAt(zone, Date.parse("2026-11-24T12:00:00Z"));
    expect(shown(late, "today", at("UTC"))).toHaveLength(1);
    expect(shown(late, "today", at("Europe/Berlin"))).toHaveLength(0);
    expect(shown(late, "upcoming", at("Europe/Berlin"))[0]?.[0]).toBe("Tomorrow");
  });

  it("keep a day a day: it is over when it ends where the person is", () => {
    const milk = task("milk", { due_date: "2026-11-24" });
    const overdue = (zone: string, now: string) => isOverdue(milk, clockAt(zone, Date.parse(now)));
    expect(overdue("Europe/Berlin", "2026-11-24T22:59:00Z")).toBe(false);
    expect(overdue("Europe/Berlin", "2026-11-24T23:00:00Z")).toBe(true);
    expect(overdue("America/Los_Angeles", "2026-11-25T07:59:00Z")).toBe(false);
  });

  it("know the day of 23 hours", () => {
    // In Berlin clocks go forward at 2:00 on Sunday, 29 March
    const sunday = clockAt("Europe/Berlin", Date.parse("2026-03-28T23:30:00Z"));
    expect(sunday.today).toBe("2026-03-29");
    expect(nextChange([], sunday)).toBe(Date.parse("2026-03-29T22:00:00Z"));
    const evening = [task("film", { due_at: "2026-03-29T21:30:00Z" })];
    expect(shown(evening, "today", sunday)).toEqual([["Today", "film"]]);
  });

  it("order by moment, then urgency, then age", () => {
    const same = [
      task("low", { due_date: "2026-11-25", priority: "low" }),
      task("normal", { due_date: "2026-11-25" }),
      task("younger", { due_date: "2026-11-25" }),
      task("high", { due_date: "2026-11-25", priority: "high" }),
      task("timed", { due_at: "2026-11-25T20:00:00Z" }),
    ];
    expect(shown(same, "upcoming", clock)).toEqual([
      ["Tomorrow", "timed", "high", "normal", "younger", "low"],
    ]);
  });

  it("can be narrowed by words, tag and priority", () => {
    const find = (filter: Partial<Filter>) =>
      shown(tasks, "all", clock, { ...NO_FILTER, ...filter }).flatMap(([, ...titles]) => titles);
    expect(find({ search: "train BOOK" })).toEqual(["trip"]);
    expect(find({ search: "sport" })).toEqual(["gym"]);
    expect(find({ tag: "sport" })).toEqual(["gym"]);
    expect(find({ priority: "high" })).toEqual(["trip"]);
    expect(find({ priority: "high", tag: "sport" })).toEqual([]);
    expect(tagsOf([...tasks, task("run", { tags: ["sport", "air"] })])).toEqual(["sport", "air"]);
  });

  it("change by themselves when the next task falls due", () => {
    expect(nextChange(tasks, clock)).toBe(Date.parse("2026-11-24T16:00:00Z"));
  });
});

describe("a task moved to another day", () => {
  it("keeps its time of day over a clock change", () => {
    const at = task("call", { due_at: "2026-03-28T08:00:00Z" });
    expect(movedTo(at, "2026-03-30", "Europe/Berlin")).toEqual({
      due_at: "2026-03-30T07:00:00.000Z",
      due_date: null,
    });
    const day = task("milk", { due_date: "2026-03-28" });
    expect(movedTo(day, "2026-03-30", "Europe/Berlin").due_date).toBe("2026-03-30");
  });
});

describe("words", () => {
  it("say when a task is due on the person's clock", () => {
    const due = (fields: Partial<Task>) =>
      dueLabel(task("", fields), clock.today, clock.zone, "en-GB");
    expect(due({ due_at: "2026-11-25T08:05:00Z" })).toBe("Tomorrow, 09:05");
    expect(due({ due_date: "2026-11-27" })).toBe("Friday");
    expect(due({ due_date: "2026-11-20" })).toMatch(/^Fri,? 20 Nov$/u);
    expect(due({ due_date: "2027-11-20" })).toMatch(/^Sat,? 20 Nov 2027$/u);
    expect(due({})).toBeNull();
  });

  it("say how far ahead a reminder comes", () => {
    expect([0, 1, 30, 60, 90, 1440, 2880, 10080].map(offsetLabel)).toEqual([
      "At the due time",
      "1 minute before",
      "30 minutes before",
      "1 hour before",
      "90 minutes before",
      "1 day before",
      "2 days before",
      "1 week before",
    ]);
  });
});
