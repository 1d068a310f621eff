"use client";

import { Tabs } from "radix-ui";
import type { ReactNode } from "react";
import { useInBrowser } from "@/hooks/use-in-browser";
import { cn } from "@/lib/cn";
import { VIEW_NAMES, VIEWS, type View } from "@/lib/tasks/views";

interface Props {
  view: View;
  onChange: (view: View) => void;
  counts: Record<View, number>;
  /** While the list is still being read the numbers grow. */
  complete: boolean;
  /** Stands above the tabs, at their end. */
  children: ReactNode;
}

/** Which tasks to show, and how many there are of each kind. */
export function TaskViews({ view, onChange, counts, complete, children }: Props) {
  const inBrowser = useInBrowser();
  if (!inBrowser) return <div className="min-h-20" />;
  return (
    <div className="flex flex-col gap-2">
      {children}
      <Tabs.Root value={view} onValueChange={(next) => onChange(next as View)}>
        <Tabs.List aria-label="Which tasks" className="flex gap-0.5 rounded-md bg-sunken p-1">
          {VIEWS.map((each) => (
            <Tabs.Trigger
              key={each}
              value={each}
              // The list below is one for all views: it names its view itself.
              aria-controls={undefined}
              className={cn(
                "flex min-h-8 min-w-0 flex-1 flex-col items-center justify-center rounded-sm px-0.5 py-1 font-medium text-muted text-xs leading-4 transition-colors hover:text-ink sm:flex-row sm:gap-1.5",
                "data-[state=active]:bg-selected data-[state=active]:text-ink data-[state=active]:shadow-raised",
              )}
            >
              {VIEW_NAMES[each]}
              <span
                className={cn(
                  "tabular-nums",
                  each === "overdue" && counts.overdue > 0 && "text-danger",
                  !complete && "opacity-60",
                )}
              >
                {counts[each].toLocaleString("en")}
              </span>
              <span className="sr-only">{counts[each] === 1 ? "task" : "tasks"}</span>
            </Tabs.Trigger>
          ))}
        </Tabs.List>
      </Tabs.Root>
    </div>
  );
}
