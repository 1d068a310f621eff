"use client";

import {
  CalendarArrowUp,
  CalendarDays,
  CalendarOff,
  CircleCheck,
  EllipsisVertical,
  Pencil,
  RotateCcw,
  Sun,
  Trash2,
} from "lucide-react";
import { IconButton } from "@/components/ui/icon-button";
import { Menu, MenuItem, MenuSeparator } from "@/components/ui/menu";
import type { Task } from "@/lib/api/types";
import { addDays, nextMonday } from "@/lib/tasks/days";
import { dueDay } from "@/lib/tasks/due";
import type { Clock } from "@/lib/tasks/views";
import type { RowActions } from "./task-row";

interface Props {
  task: Task;
  clock: Clock;
  active: boolean;
  actions: RowActions;
}

/** Everything that can be done to a task, for those who neither drag nor know the keys. */
export function TaskMenu({ task, clock, active, actions }: Props) {
  const done = task.status === "done";
  const { today } = clock;
  const dated = dueDay(task, clock.zone) !== null;
  const to = (day: string | null) => () => actions.move(task, day);
  return (
    <Menu
      trigger={
        <IconButton
          label={`More for ${task.title}`}
          title="More"
          icon={<EllipsisVertical />}
          size="sm"
          tabIndex={active ? 0 : -1}
        />
      }
    >
      <MenuItem
        icon={done ? <RotateCcw aria-hidden /> : <CircleCheck aria-hidden />}
        onSelect={() => actions.toggle(task)}
      >
        {done ? "Open again" : "Complete"}
      </MenuItem>
      <MenuItem icon={<Pencil aria-hidden />} onSelect={() => actions.edit(task)}>
        Edit
      </MenuItem>
      {!done && (
        <>
          <MenuSeparator />
          <MenuItem icon={<Sun aria-hidden />} onSelect={to(today)}>
            Move to today
          </MenuItem>
          <MenuItem icon={<CalendarArrowUp aria-hidden />} onSelect={to(addDays(today, 1))}>
            Move to tomorrow
          </MenuItem>
          <MenuItem icon={<CalendarDays aria-hidden />} onSelect={to(nextMonday(today))}>
            Move to next week
          </MenuItem>
          {dated && !task.recurrence && (
            <MenuItem icon={<CalendarOff aria-hidden />} onSelect={to(null)}>
              Remove the date
            </MenuItem>
          )}
        </>
      )}
      <MenuSeparator />
      <MenuItem danger icon={<Trash2 aria-hidden />} onSelect={() => actions.remove(task)}>
        Delete
      </MenuItem>
    </Menu>
  );
}
