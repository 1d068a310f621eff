"use client";

import { useMemo, useState, useSyncExternalStore } from "react";
import { useLiveEvents } from "@/components/live-provider";
import { useClock } from "@/hooks/use-clock";
import { useZone } from "@/hooks/use-profile";
import { useReminderActions } from "@/hooks/use-reminder-actions";
import { useSession } from "@/hooks/use-session";
import { useTasks } from "@/hooks/use-tasks";
import { cn } from "@/lib/cn";
import { notifyHidden } from "@/lib/notifications/notify";
import { handledReminders, onHandled, standingReminders } from "@/lib/tasks/reminders";
import { ReminderCard } from "./reminder-card";

/** More than these would leave the page too little room. */
const AT_ONCE = 2;
const NONE: ReadonlySet<string> = new Set();

/** Reminders, above every page until somebody deals with them. They cover nothing. */
export function Reminders() {
  const { userId } = useSession();
  const zone = useZone();
  const { tasks } = useTasks();
  const clock = useClock(zone, tasks);
  const actions = useReminderActions(zone);
  const [all, setAll] = useState(false);
  const handled = useSyncExternalStore(
    onHandled,
    () => handledReminders(userId),
    () => NONE,
  );
  const standing = useMemo(
    () => standingReminders(tasks.values(), handled, clock.now),
    [tasks, handled, clock.now],
  );
  useLiveEvents("reminder", (reminder) => void notifyHidden(userId, reminder));

  const shown = all ? standing : standing.slice(0, AT_ONCE);
  const more = standing.length - shown.length;
  return (
    <section
      aria-label="Reminders"
      className={cn(
        "flex max-h-[40dvh] shrink-0 flex-col gap-2 overflow-y-auto",
        standing.length > 0 && "border-line border-b bg-accent-soft px-4 py-2",
      )}
    >
      <ul
        aria-live="polite"
        aria-relevant="additions"
        className={cn("grid grid-cols-1 gap-2", shown.length > 1 && "lg:grid-cols-2")}
      >
        {shown.map((task) => (
          <ReminderCard key={task.task_id} task={task} clock={clock} actions={actions} />
        ))}
      </ul>
      {(more > 0 || (all && standing.length > AT_ONCE)) && (
        <button
          type="button"
          onClick={() => setAll(!all)}
          className="h-8 shrink-0 self-end rounded-sm px-3 font-medium text-accent text-sm hover:bg-surface"
        >
          {more > 0 ? `${more} more` : "Show fewer"}
        </button>
      )}
    </section>
  );
}
