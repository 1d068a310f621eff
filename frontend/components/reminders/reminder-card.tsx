"use client";

import { Bell, X } from "lucide-react";
import { Button } from "@/components/ui/button";
import { IconButton } from "@/components/ui/icon-button";
import type { ReminderActions } from "@/hooks/use-reminder-actions";
import type { Task } from "@/lib/api/types";
import { dueLabel } from "@/lib/tasks/format";
import { SNOOZE_NAMES, SNOOZES } from "@/lib/tasks/snooze";
import { type Clock, isOverdue } from "@/lib/tasks/views";

interface Props {
  task: Task;
  clock: Clock;
  actions: ReminderActions;
}

/** One reminder, and what can be done about it. */
export function ReminderCard({ task, clock, actions }: Props) {
  const due = dueLabel(task, clock.today, clock.zone);
  return (
    <li className="popup flex flex-wrap items-center gap-x-3 gap-y-1 rounded-md border border-line bg-surface py-2 pr-2 pl-3">
      <Bell aria-hidden className="size-4.5 shrink-0 text-accent" />
      <div className="min-w-0 flex-1 basis-40">
        <p className="line-clamp-2 font-medium text-sm [overflow-wrap:anywhere]">
          <span className="sr-only">Reminder: </span>
          {task.title}
        </p>
        {due && (
          <p className="text-muted text-xs">
            {isOverdue(task, clock) ? "Was due" : "Due"}: {due}
          </p>
        )}
      </div>
      <IconButton
        label={`Dismiss the reminder: ${task.title}`}
        title="Dismiss"
        icon={<X />}
        size="sm"
        className="sm:order-last"
        onClick={() => actions.dismiss(task)}
      />
      <div className="flex items-center justify-end gap-1 max-sm:basis-full">
        <fieldset className="flex items-center gap-1">
          <legend className="sr-only">Snooze</legend>
          {SNOOZES.map((snooze) => (
            <Button
              key={snooze}
              size="sm"
              tone="ghost"
              aria-label={`Remind me again: ${SNOOZE_NAMES[snooze]}`}
              className="px-2"
              onClick={() => actions.snooze(task, snooze)}
            >
              {SNOOZE_NAMES[snooze]}
            </Button>
          ))}
        </fieldset>
        <Button size="sm" tone="primary" onClick={() => actions.done(task)}>
          Done
        </Button>
      </div>
    </li>
  );
}
