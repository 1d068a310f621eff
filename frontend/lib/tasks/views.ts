/** Which tasks a view shows, in which groups and which order. */

import type { Priority, Task } from "@/lib/api/types";
import { type Day, dayIn } from "./days";
import { dueDay, dueMoment } from "./due";
import { dayLabel } from "./format";

/** The views of the list. `all` has every open task, so none is out of reach. */
export const VIEWS = ["today", "upcoming", "overdue", "all", "done"] as const;
export type View = (typeof VIEWS)[number];

export const VIEW_NAMES: Record<View, string> = {
  today: "Today",
  upcoming: "Upcoming",
  overdue: "Overdue",
  all: "All",
  done: "Done",
};

/** What narrows every view. */
export interface Filter {
  search: string;
  tag: string | null;
  priority: Priority | null;
}

export const NO_FILTER: Filter = { search: "", tag: null, priority: null };

/** Where and when somebody looks at the list. */
export interface Clock {
  /** IANA zone of the person's calendar. */
  zone: string;
  /** Milliseconds. */
  now: number;
  /** The day it is there. */
  today: Day;
}

/** Tasks under a heading. */
export interface Group {
  id: string;
  label: string;
  tasks: Task[];
}

export function clockAt(zone: string, now: number): Clock {
  return { zone, now, today: dayIn(zone, now) };
}

interface Placed {
  task: Task;
  /** When it counts as due; beyond all moments if never. */
  moment: number;
  day: Day | null;
}

/** Tasks never change in place, and zones seldom: a place is computed once. */
const places = new WeakMap<Task, Placed & { zone: string }>();

function place(task: Task, zone: string): Placed {
  const known = places.get(task);
  if (known?.zone === zone) return known;
  const moment = dueMoment(task, zone) ?? Number.MAX_SAFE_INTEGER;
  const placed = { task, moment, day: dueDay(task, zone), zone };
  places.set(task, placed);
  return placed;
}

/** An open task whose moment, or whose day, has passed. */
export function isOverdue(task: Task, { zone, now }: Clock): boolean {
  return task.status === "open" && place(task, zone).moment <= now;
}

/** Whether the person asked for this task: every word of the search in title, notes or a tag. */
export function passes(task: Task, filter: Filter): boolean {
  if (filter.priority && task.priority !== filter.priority) return false;
  if (filter.tag && !task.tags?.includes(filter.tag)) return false;
  const words = filter.search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = [task.title, task.notes ?? "", ...(task.tags ?? [])].join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

export function belongs(task: Task, view: View, clock: Clock): boolean {
  if (view === "done") return task.status === "done";
  if (task.status === "done") return false;
  if (view === "all") return true;
  if (view === "overdue") return isOverdue(task, clock);
  const { day } = place(task, clock.zone);
  if (day === null) return false;
  return view === "today" ? day === clock.today : day > clock.today;
}

const URGENCY: Record<Priority, number> = { high: 0, normal: 1, low: 2 };

/** As the backend orders: by due moment (undated last), then urgency, then age. */
function byMoment(one: Placed, other: Placed): number {
  return (
    one.moment - other.moment ||
    URGENCY[one.task.priority] - URGENCY[other.task.priority] ||
    age(one.task) - age(other.task)
  );
}

/** Numbers of tasks grow with age; one that has none yet is the youngest. */
function age(task: Task): number {
  const n = Number(task.task_id.replace(/^task-/, ""));
  return Number.isNaN(n) ? Number.MAX_SAFE_INTEGER : n;
}

/** The groups of a view, empty ones left out. */
export function grouped(tasks: Iterable<Task>, view: View, filter: Filter, clock: Clock): Group[] {
  const placed: Placed[] = [];
  for (const task of tasks) {
    if (belongs(task, view, clock) && passes(task, filter)) {
      placed.push(place(task, clock.zone));
    }
  }
  if (view === "done") return doneGroups(placed, clock);
  placed.sort(byMoment);
  const heading = (each: Placed) => headingOf(each, view, clock);
  return inGroups(placed, heading);
}

function doneGroups(placed: Placed[], { zone, today }: Clock): Group[] {
  const doneAt = ({ task }: Placed) => Date.parse(task.completed_at ?? task.updated_at);
  placed.sort((one, other) => doneAt(other) - doneAt(one));
  return inGroups(placed, (each) => {
    const day = dayIn(zone, doneAt(each));
    return { id: day, label: dayLabel(day, today) };
  });
}

function headingOf({ task, day }: Placed, view: View, clock: Clock): { id: string; label: string } {
  if (day === null) return { id: "undated", label: "No date" };
  if (view === "all" && day < clock.today) return { id: "overdue", label: "Overdue" };
  if (view === "today") {
    return isOverdue(task, clock)
      ? { id: "earlier", label: "Earlier today" }
      : { id: "today", label: "Today" };
  }
  return { id: day, label: dayLabel(day, clock.today) };
}

function inGroups(
  placed: Placed[],
  heading: (each: Placed) => { id: string; label: string },
): Group[] {
  const groups = new Map<string, Group>();
  for (const each of placed) {
    const { id, label } = heading(each);
    const group = groups.get(id);
    if (group) group.tasks.push(each.task);
    else groups.set(id, { id, label, tasks: [each.task] });
  }
  return [...groups.values()];
}

/** How many tasks each view has under this filter. */
export function counts(tasks: Iterable<Task>, filter: Filter, clock: Clock): Record<View, number> {
  const found: Record<View, number> = { today: 0, upcoming: 0, overdue: 0, all: 0, done: 0 };
  for (const task of tasks) {
    if (!passes(task, filter)) continue;
    for (const view of VIEWS) {
      if (belongs(task, view, clock)) found[view] += 1;
    }
  }
  return found;
}

/** Every tag in use on open tasks, most used first. */
export function tagsOf(tasks: Iterable<Task>): string[] {
  const used = new Map<string, number>();
  for (const task of tasks) {
    if (task.status === "done") continue;
    for (const tag of task.tags ?? []) used.set(tag, (used.get(tag) ?? 0) + 1);
  }
  return [...used].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([tag]) => tag);
}

/** The next instant at which some view changes by itself: a task falls due, or the day ends. */
export function nextChange(tasks: Iterable<Task>, { zone, now, today }: Clock): number {
  let next = dueMoment({ due_date: today }, zone) ?? now + 60_000;
  for (const task of tasks) {
    if (task.status === "done" || !task.due_at) continue;
    const moment = Date.parse(task.due_at);
    if (moment > now && moment < next) next = moment;
  }
  return next;
}
