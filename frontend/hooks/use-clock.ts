"use client";

import { useEffect, useMemo, useState } from "react";
import type { Task } from "@/lib/api/types";
import { type Clock, clockAt, nextChange } from "@/lib/tasks/views";

/** Timers are not to be trusted for longer, as machines sleep. In milliseconds. */
const LOOK = 15 * 60_000;

/** What time it is for the list: goes on when a task falls due or the day ends. */
export function useClock(zone: string, tasks: ReadonlyMap<string, Task>): Clock {
  const [now, setNow] = useState(() => Date.now());
  const clock = useMemo(() => clockAt(zone, now), [zone, now]);
  useEffect(() => {
    const look = () => setNow(Date.now());
    const ahead = nextChange(tasks.values(), clock) - Date.now();
    const timer = setTimeout(look, Math.min(Math.max(ahead, 0) + 20, LOOK));
    const shown = () => document.visibilityState === "visible" && look();
    document.addEventListener("visibilitychange", shown);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", shown);
    };
  }, [clock, tasks]);
  return clock;
}
