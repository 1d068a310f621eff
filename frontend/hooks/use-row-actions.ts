"use client";

import { useMemo, useRef } from "react";
import type { RowActions } from "@/components/tasks/task-row";
import { useToast } from "@/components/ui/toast";
import { useTaskActions } from "@/hooks/use-tasks";
import { movedTo, onDay, sameDue } from "@/lib/tasks/due";
import { dayLabel } from "@/lib/tasks/format";
import type { Clock } from "@/lib/tasks/views";

/** What the list does to its tasks. The same object for as long as the list is there. */
export function useRowActions(clock: Clock, onEdit: (id: string) => void): RowActions {
  const actions = useTaskActions();
  const toast = useToast();
  const latest = useRef({ clock, onEdit });
  latest.current = { clock, onEdit };
  return useMemo(
    () => ({
      toggle(task) {
        if (task.status === "done") actions.reopen(task);
        else actions.complete(task);
      },
      edit: (task) => latest.current.onEdit(task.task_id),
      remove: (task) => actions.remove(task),
      move(task, day) {
        const { zone, today } = latest.current.clock;
        if (day !== null && day < today) {
          toast.show({ title: "A task cannot be moved to a day that has passed." });
          return;
        }
        if (day === null && task.recurrence) {
          toast.show({ title: "A repeating task needs a date." });
          return;
        }
        let due = movedTo(task, day, zone);
        // Its time has passed today: it is due by the end of the day.
        if (day !== null && due.due_at && Date.parse(due.due_at) <= Date.now()) due = onDay(day);
        if (sameDue(task, due)) return;
        const where = day === null ? "Date removed" : `Moved to ${dayLabel(day, today)}`;
        actions.update(task, due, `${where}: ${task.title}`);
      },
    }),
    [actions, toast],
  );
}
