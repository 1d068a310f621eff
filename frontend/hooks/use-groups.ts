"use client";

import { useDeferredValue, useMemo } from "react";
import type { Task } from "@/lib/api/types";
import { type Clock, counts, type Filter, grouped, tagsOf, type View } from "@/lib/tasks/views";

/** What a view shows of the tasks. Typing a search comes before showing what it finds. */
export function useGroups(
  tasks: ReadonlyMap<string, Task>,
  view: View,
  filter: Filter,
  clock: Clock,
) {
  const asked = useDeferredValue(filter);
  const groups = useMemo(
    () => grouped(tasks.values(), view, asked, clock),
    [tasks, view, asked, clock],
  );
  const found = useMemo(() => counts(tasks.values(), asked, clock), [tasks, asked, clock]);
  const tags = useMemo(() => tagsOf(tasks.values()), [tasks]);
  return { groups, counts: found, tags };
}
