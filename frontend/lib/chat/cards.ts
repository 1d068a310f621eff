import type { Task, ToolResult } from "@/lib/api/types";
import type { Day } from "@/lib/tasks/days";
import { count, dueLabel } from "@/lib/tasks/format";
import type { ToolPart } from "./types";

/** How a card looks: what kind of thing was done, or that nothing was. */
export type CardKind =
  | "added"
  | "changed"
  | "done"
  | "reopened"
  | "moved"
  | "repeats"
  | "deleted"
  | "undone"
  | "looked"
  | "zone"
  | "working"
  | "refused"
  | "unknown";

/** What the assistant did, in words. */
export interface Card {
  kind: CardKind;
  /** What was done: "Added", "Marked as done", … */
  verb: string;
  /** What it was done to, as the person called it. */
  title?: string;
  /** What else is worth knowing: when it is due, how it repeats, … */
  facts: string[];
}

/** Where and when the card is read. */
export interface Reader {
  zone: string;
  today: Day;
  locale?: string;
}

/** The card of a tool call, while it runs and afterwards. */
export function cardOf(part: ToolPart, reader: Reader): Card {
  const input = record(part.input);
  if (part.state === "output-error") {
    const facts = [part.errorText, "Look at your tasks before you ask again."];
    return { kind: "unknown", verb: verbs[part.toolName]?.tried ?? "Tried something", facts };
  }
  if (part.state !== "output-available") {
    const verb = verbs[part.toolName]?.working ?? "Working";
    return { kind: "working", verb, title: text(input.title), facts: [] };
  }
  const result = part.output as Partial<Record<keyof ToolResult | "refused" | "ok", unknown>>;
  if (result?.refused) {
    const verb = verbs[part.toolName]?.not ?? "Not done";
    const facts = [text(record(result.refused).message)].filter(isText);
    return { kind: "refused", verb, title: text(input.title), facts };
  }
  return done(part.toolName, input, record(result?.ok), reader);
}

function done(tool: string, input: Fields, ok: Fields, reader: Reader): Card {
  const task = record(ok.task) as Partial<Task> & Fields;
  const title = text(task.title);
  const due = dueLabel(task, reader.today, reader.zone, reader.locale) ?? undefined;
  const repeats = task.recurrence ? sentence(task.recurrence.words) : undefined;
  const card = (kind: CardKind, verb: string, ...facts: (string | undefined)[]): Card => ({
    kind,
    verb,
    title,
    facts: facts.filter(isText),
  });
  switch (tool) {
    case "add_task":
      return card("added", "Added", due, repeats, priority(task), tags(task));
    case "complete_task":
      return card("done", "Marked as done");
    case "reopen_task":
      return card("reopened", "Opened again", due, repeats);
    case "delete_task":
      return card("deleted", "Deleted");
    case "reschedule_task":
      return due ? card("moved", "Moved", due) : card("moved", "Took the date off");
    case "set_recurrence":
      return repeats
        ? card("repeats", "Repeats", repeats, due)
        : card("repeats", "Repeats no more", due);
    case "update_task":
      return card(
        "changed",
        input.title === undefined ? "Changed" : "Renamed",
        input.priority === undefined ? undefined : (priority(task) ?? "Normal priority"),
        input.tags === undefined ? undefined : (tags(task) ?? "No tags"),
        input.notes === undefined ? undefined : task.notes ? "New notes" : "Notes removed",
      );
    case "undo":
      return card("undone", undone[text(ok.undone) ?? ""] ?? "Took back the last change");
    case "set_time_zone":
      return { kind: "zone", verb: "Set your time zone", title: text(ok.time_zone), facts: [] };
    case "list_tasks": {
      const total = Number(ok.total ?? 0);
      return { kind: "looked", verb: "Looked at your tasks", facts: [count(total, "task")] };
    }
    default:
      return { kind: "looked", verb: "Done", title: tool.replaceAll("_", " "), facts: [] };
  }
}

const undone: Record<string, string> = {
  added: "Took back: added",
  updated: "Took back: changed",
  completed: "Took back: marked as done",
  reopened: "Took back: opened again",
  deleted: "Took back: deleted",
};

const verbs: Record<string, { working: string; not: string; tried: string }> = {
  add_task: { working: "Adding", not: "Not added", tried: "Tried to add a task" },
  complete_task: {
    working: "Marking as done",
    not: "Not marked as done",
    tried: "Tried to mark a task as done",
  },
  reopen_task: { working: "Opening again", not: "Not opened", tried: "Tried to open a task again" },
  delete_task: { working: "Deleting", not: "Not deleted", tried: "Tried to delete a task" },
  reschedule_task: { working: "Moving", not: "Not moved", tried: "Tried to move a task" },
  set_recurrence: {
    working: "Setting when it repeats",
    not: "Repetition not set",
    tried: "Tried to set when a task repeats",
  },
  update_task: { working: "Changing", not: "Not changed", tried: "Tried to change a task" },
  undo: { working: "Taking back", not: "Not taken back", tried: "Tried to take back a change" },
  set_time_zone: {
    working: "Setting your time zone",
    not: "Time zone not set",
    tried: "Tried to set your time zone",
  },
  list_tasks: {
    working: "Looking at your tasks",
    not: "Could not look at your tasks",
    tried: "Tried to look at your tasks",
  },
};

type Fields = Record<string, unknown>;

function record(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isText(value: string | undefined): value is string {
  return value !== undefined;
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function priority({ priority }: Partial<Task>): string | undefined {
  return priority === "high" || priority === "low" ? `${sentence(priority)} priority` : undefined;
}

function tags({ tags }: Partial<Task>): string | undefined {
  return tags && tags.length > 0 ? tags.map((tag) => `#${tag}`).join(" ") : undefined;
}
