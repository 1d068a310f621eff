"use client";

import { type KeyboardEvent, useEffect, useEffectEvent, useId, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { inputClass, Select } from "@/components/ui/field";
import { useToast } from "@/components/ui/toast";
import { useTaskActions } from "@/hooks/use-tasks";
import type { Priority, Task } from "@/lib/api/types";
import { cn } from "@/lib/cn";
import { isDay } from "@/lib/tasks/days";
import { offerDraft, offeredDraft } from "@/lib/tasks/drafts";
import {
  type EditFields,
  editFields,
  patchOf,
  problemsOf,
  withDraft,
  withTags,
} from "@/lib/tasks/edit";
import type { Clock } from "@/lib/tasks/views";
import { DueFields } from "./due-fields";
import { ReminderField } from "./reminder-field";
import { RepeatField } from "./repeat-field";
import { TagsField } from "./tags-field";

interface Props {
  task: Task;
  clock: Clock;
  onClose: () => void;
}

/** A task's fields in its place in the list. Enter saves, Escape leaves. */
export function TaskEditor({ task, clock, onClose }: Props) {
  const id = useId();
  const { update } = useTaskActions();
  const toast = useToast();
  const title = useRef<HTMLInputElement>(null);
  const saved = useRef(false);
  const [fields, setFields] = useState(() => initial(task, clock.zone));
  const [typedTag, setTypedTag] = useState("");
  const [checked, setChecked] = useState(false);
  const change = (part: Partial<EditFields>) => setFields({ ...fields, ...part });
  const all = { ...fields, tags: withTags(fields.tags, typedTag) };
  const problems = checked ? problemsOf(task, all, clock) : {};

  useEffect(() => {
    title.current?.focus();
    title.current?.scrollIntoView({ block: "nearest" });
  }, []);

  function save() {
    setChecked(true);
    if (Object.keys(problemsOf(task, all, clock)).length > 0) {
      title.current?.focus();
      return;
    }
    const patch = patchOf(task, all, clock.zone);
    if (Object.keys(patch).length > 0) update(task, patch, `Saved: ${all.title.trim()}`);
    saved.current = true;
    onClose();
  }

  // Whatever takes it away, Escape, another view or another task, what was typed can be had back.
  const offerUnsaved = useEffectEvent(() => {
    const patch = patchOf(task, all, clock.zone);
    if (saved.current || Object.keys(patch).length === 0) return;
    const onAction = () => offerDraft({ id: task.task_id, fields: patch });
    toast.show({ title: "Changes not saved", action: { label: "Go on editing", onAction } });
  });
  useEffect(() => () => offerUnsaved(), []);

  function onKeyDown(event: KeyboardEvent) {
    // Its keys are its own, not the list's.
    event.stopPropagation();
    if (event.key === "Escape" && !event.defaultPrevented) onClose();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
  }

  const moved = task.recurrence && fields.rule === task.recurrence.rule;
  const day = isDay(fields.due.day) ? fields.due.day : clock.today;
  return (
    <form
      aria-label={`Edit ${task.title}`}
      onKeyDown={onKeyDown}
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
      className="my-1 flex flex-col gap-3 rounded-lg border border-line bg-surface p-3 shadow-raised"
    >
      <div className="flex flex-col gap-0.5">
        <label htmlFor={`${id}-title`} className="text-muted text-xs">
          Title
        </label>
        <input
          ref={title}
          id={`${id}-title`}
          value={fields.title}
          onChange={({ target }) => change({ title: target.value })}
          autoComplete="off"
          aria-invalid={problems.title ? true : undefined}
          aria-describedby={problems.title ? `${id}-title-error` : undefined}
          className={cn(inputClass, "h-10")}
        />
        <Problem id={`${id}-title-error`} text={problems.title} />
      </div>
      <div className="flex flex-col gap-0.5">
        <label htmlFor={`${id}-notes`} className="text-muted text-xs">
          Notes
        </label>
        <textarea
          id={`${id}-notes`}
          value={fields.notes}
          onChange={({ target }) => change({ notes: target.value })}
          rows={2}
          aria-invalid={problems.notes ? true : undefined}
          aria-describedby={problems.notes ? `${id}-notes-error` : undefined}
          className={cn(inputClass, "field-sizing-content max-h-60 min-h-16 py-2")}
        />
        <Problem id={`${id}-notes-error`} text={problems.notes} />
      </div>
      <DueFields value={fields.due} onChange={(due) => change({ due })} clock={clock} />
      <Problem id={`${id}-due-error`} text={problems.due} />
      <RepeatField
        rule={fields.rule}
        onChange={(rule) => change({ rule })}
        known={task.recurrence ?? null}
        day={day}
      />
      {moved && (
        <p className="text-muted text-xs">
          Another date moves this time only. To move the series, choose anew how it repeats.
        </p>
      )}
      <div className="flex gap-2">
        <ReminderField
          offset={fields.offset}
          onChange={(offset) => change({ offset })}
          due={fields.due}
        />
        <div className="min-w-0 flex-1">
          <label htmlFor={`${id}-priority`} className="text-muted text-xs">
            Priority
          </label>
          <Select
            id={`${id}-priority`}
            value={fields.priority}
            onChange={({ target }) => change({ priority: target.value as Priority })}
          >
            <option value="high">High</option>
            <option value="normal">Normal</option>
            <option value="low">Low</option>
          </Select>
        </div>
      </div>
      <TagsField
        tags={fields.tags}
        onChange={(tags) => change({ tags })}
        typed={typedTag}
        onType={setTypedTag}
        error={problems.tags}
      />
      <div className="flex justify-end gap-2">
        <Button size="sm" tone="ghost" onClick={onClose}>
          Cancel
        </Button>
        <Button size="sm" tone="primary" type="submit">
          Save
        </Button>
      </div>
    </form>
  );
}

/** The task's fields, with what was typed before and not saved. */
function initial(task: Task, zone: string): EditFields {
  const fields = editFields(task, zone);
  const draft = offeredDraft();
  if (draft === null || draft.id === null || draft.id !== task.task_id) return fields;
  return withDraft(fields, draft.fields, zone);
}

function Problem({ id, text }: { id: string; text: string | undefined }) {
  if (!text) return null;
  return (
    <p id={id} role="alert" className="text-danger text-sm">
      {text}
    </p>
  );
}
