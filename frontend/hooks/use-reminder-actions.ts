"use client";

import { useMemo } from "react";
import { useSession } from "@/hooks/use-session";
import { useTaskActions } from "@/hooks/use-tasks";
import type { Task } from "@/lib/api/types";
import { closeNotifications } from "@/lib/notifications/notify";
import { dayIn } from "@/lib/tasks/days";
import { dayLabel, timeLabel } from "@/lib/tasks/format";
import { markHandled } from "@/lib/tasks/reminders";
import { type Snooze, snoozedUntil, snoozePatch } from "@/lib/tasks/snooze";

export interface ReminderActions {
  done(task: Task): void;
  snooze(task: Task, snooze: Snooze): void;
  dismiss(task: Task): void;
}

/** What can be done about a reminder; its notification goes with it. */
export function useReminderActions(zone: string): ReminderActions {
  const { userId } = useSession();
  const { complete, update } = useTaskActions();
  return useMemo(
    () => ({
      done(task) {
        void closeNotifications(task.task_id);
        complete(task);
      },
      snooze(task, snooze) {
        void closeNotifications(task.task_id);
        const now = Date.now();
        const until = snoozedUntil(snooze, zone, now);
        const day = dayLabel(dayIn(zone, until), dayIn(zone, now));
        const when = `${day === "Today" ? "" : `${day}, `}${timeLabel(until, zone)}`;
        update(task, snoozePatch(task, snooze, zone, now), `Again at ${when}: ${task.title}`);
      },
      dismiss(task) {
        void closeNotifications(task.task_id);
        markHandled(userId, task);
      },
    }),
    [userId, zone, complete, update],
  );
}
