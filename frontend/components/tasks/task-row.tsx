"use client";

import { Check } from "lucide-react";
import { memo } from "react";
import type { Task } from "@/lib/api/types";
import { cn } from "@/lib/cn";
import { dueLabel } from "@/lib/tasks/format";
import { type Clock, isOverdue } from "@/lib/tasks/views";
import { TaskMenu } from "./task-menu";
import { TaskMeta } from "./task-meta";

export interface RowActions {
  toggle(task: Task): void;
  edit(task: Task): void;
  remove(task: Task): void;
  /** To another day; null for none. */
  move(task: Task, day: string | null): void;
}

interface Props {
  task: Task;
  clock: Clock;
  /** The row that the tab key goes to. */
  active: boolean;
  waits: boolean;
  actions: RowActions;
}

/** A task in the list. Its tick box has the focus; the keys of the list work from there. */
export const TaskRow = memo(function TaskRow({ task, clock, active, waits, actions }: Props) {
  const done = task.status === "done";
  const due = dueLabel(task, clock.today, clock.zone);
  const overdue = isOverdue(task, clock);
  return (
    <div
      className={cn(
        "group flex items-start gap-3 rounded-md py-2 pr-1 pl-3 hover:bg-sunken",
        "has-[input:focus-visible]:bg-sunken has-[input:focus-visible]:outline-2 has-[input:focus-visible]:outline-accent",
      )}
    >
      <span className="relative mt-0.5 flex size-6 shrink-0 items-center justify-center">
        <input
          type="checkbox"
          checked={done}
          onChange={() => actions.toggle(task)}
          tabIndex={active ? 0 : -1}
          aria-label={[task.title, overdue ? `overdue, ${due}` : due].filter(Boolean).join(", ")}
          aria-keyshortcuts="X E T M W Delete"
          className={cn(
            "peer size-5 cursor-pointer appearance-none rounded-full border-2 outline-none checked:border-accent checked:bg-accent",
            task.priority === "high" ? "border-danger" : "border-line-strong",
          )}
        />
        <Check
          aria-hidden
          className="pointer-events-none absolute size-3.5 stroke-3 text-on-accent opacity-0 peer-checked:opacity-100"
        />
      </span>
      <button
        type="button"
        tabIndex={active ? 0 : -1}
        onClick={() => actions.edit(task)}
        className="min-w-0 flex-1 rounded-sm py-0.5 text-left"
      >
        <span
          className={cn(
            "line-clamp-3 text-sm leading-5 [overflow-wrap:anywhere]",
            done && "text-muted line-through",
          )}
        >
          <span className="sr-only">Edit: </span>
          {task.title}
        </span>
        <TaskMeta task={task} due={due} overdue={overdue} waits={waits} />
      </button>
      <TaskMenu task={task} clock={clock} active={active} actions={actions} />
    </div>
  );
});
