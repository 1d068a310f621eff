/** A task as the fields of its editor, and the change that these make. */

import type { Priority, Task, TaskPatch } from "@/lib/api/types";
import { type DueFields, dueFrom, dueMoment, fieldsOf, sameDue } from "./due";
import type { Clock } from "./views";

export interface EditFields {
  title: string;
  notes: string;
  due: DueFields;
  priority: Priority;
  tags: string[];
  /** Minutes before the due moment at which to remind. */
  offset: number;
  /** An RRULE; null when it does not repeat. */
  rule: string | null;
}

export const LONGEST_TITLE = 200;
export const LONGEST_NOTES = 4_000;
export const MOST_TAGS = 10;
export const LONGEST_TAG = 40;

export function editFields(task: Task, zone: string): EditFields {
  return {
    title: task.title,
    notes: task.notes ?? "",
    due: fieldsOf(task, zone),
    priority: task.priority,
    tags: task.tags ?? [],
    offset: task.reminder_offset_minutes ?? 0,
    rule: task.recurrence?.rule ?? null,
  };
}

/** The fields with a change that was made before laid over them. */
export function withDraft(fields: EditFields, draft: TaskPatch, zone: string): EditFields {
  const due = "due_at" in draft || "due_date" in draft;
  return {
    title: draft.title ?? fields.title,
    notes: draft.notes === undefined ? fields.notes : (draft.notes ?? ""),
    due: due ? fieldsOf(draft, zone) : fields.due,
    priority: draft.priority ?? fields.priority,
    tags: draft.tags ?? fields.tags,
    offset:
      draft.reminder_offset_minutes === undefined
        ? fields.offset
        : (draft.reminder_offset_minutes ?? 0),
    rule: draft.recurrence === undefined ? fields.rule : draft.recurrence,
  };
}

/** What has to change of the task; nothing that stayed as it was, however it is written. */
export function patchOf(task: Task, fields: EditFields, zone: string): TaskPatch {
  const known = editFields(task, zone);
  const patch: TaskPatch = {};
  const title = fields.title.trim();
  const notes = fields.notes.trim();
  if (title !== known.title) patch.title = title;
  if (notes !== known.notes) patch.notes = notes || null;
  if (fields.priority !== known.priority) patch.priority = fields.priority;
  if (fields.tags.join("\n") !== known.tags.join("\n")) patch.tags = fields.tags;
  if (fields.due.day !== known.due.day || fields.due.time !== known.due.time) {
    const due = dueFrom(fields.due, zone);
    if (!sameDue(task, due)) Object.assign(patch, due);
  }
  if (fields.offset !== known.offset) patch.reminder_offset_minutes = fields.offset || null;
  if (fields.rule !== known.rule) patch.recurrence = fields.rule;
  return patch;
}

export type FieldName = "title" | "notes" | "due" | "tags";

/** What is wrong with the fields, by the field it stands at. */
export function problemsOf(
  task: Task,
  fields: EditFields,
  clock: Clock,
): Partial<Record<FieldName, string>> {
  const problems: Partial<Record<FieldName, string>> = {};
  const title = [...fields.title.trim()];
  if (title.length === 0) problems.title = "A task needs a title.";
  if (title.length > LONGEST_TITLE) {
    problems.title = `A title has at most ${LONGEST_TITLE} characters. Put the rest into the notes.`;
  }
  if ([...fields.notes.trim()].length > LONGEST_NOTES) {
    problems.notes = `Notes have at most ${LONGEST_NOTES.toLocaleString("en")} characters.`;
  }
  if (fields.tags.length > MOST_TAGS) problems.tags = `A task has at most ${MOST_TAGS} tags.`;
  const patch = patchOf(task, fields, clock.zone);
  if (fields.rule !== null && fields.due.day === "") {
    problems.due = "A repeating task needs a date.";
  } else if ("due_at" in patch) {
    const moment = dueMoment(patch, clock.zone);
    if (moment !== null && moment <= clock.now) problems.due = "That moment has passed.";
  }
  return problems;
}

/** The tags of what was typed, one or several, added to those there are. */
export function withTags(tags: readonly string[], typed: string): string[] {
  const added = typed
    .split(/[,\n]/u)
    .map((tag) => tag.trim().replace(/^#/u, ""))
    .map((tag) => [...tag].slice(0, LONGEST_TAG).join(""))
    .filter(Boolean);
  return [...new Set([...tags, ...added])];
}
