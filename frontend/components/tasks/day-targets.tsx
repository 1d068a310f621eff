"use client";

import {
  dropTargetForElements,
  monitorForElements,
} from "@atlaskit/pragmatic-drag-and-drop/element/adapter";
import { useEffect, useRef, useState } from "react";
import { DRAGGED } from "@/hooks/use-draggable-row";
import { cn } from "@/lib/cn";
import { daysOffered } from "@/lib/tasks/days";
import { dayLabel } from "@/lib/tasks/format";
import type { Row } from "@/lib/tasks/rows";
import type { Clock } from "@/lib/tasks/views";
import type { RowActions } from "./task-row";

interface Props {
  rows: readonly Row[];
  clock: Clock;
  actions: RowActions;
}

/** Days to drop a task on; there while one is dragged. */
export function DayTargets({ rows, clock, actions }: Props) {
  const [dragged, setDragged] = useState<string | null>(null);
  useEffect(
    () =>
      monitorForElements({
        canMonitor: ({ source }) => typeof source.data[DRAGGED] === "string",
        onDragStart: ({ source }) => setDragged(String(source.data[DRAGGED])),
        onDrop: () => setDragged(null),
      }),
    [],
  );
  const row = rows.find(({ id }) => id === dragged);
  if (row?.kind !== "task") return null;
  const { today } = clock;
  const { days, nextWeek } = daysOffered(today);
  return (
    <div className="popup absolute inset-x-3 bottom-3 z-70 rounded-lg border border-line bg-surface p-3 shadow-floating">
      <p className="mb-2 text-muted text-xs">Drop it on a day</p>
      <ul className="grid grid-cols-3 gap-2">
        {days.map((day) => (
          <Target
            key={day}
            label={dayLabel(day, today)}
            onDrop={() => actions.move(row.task, day)}
          />
        ))}
        {nextWeek && <Target label="Next week" onDrop={() => actions.move(row.task, nextWeek)} />}
        {!row.task.recurrence && (
          <Target label="No date" onDrop={() => actions.move(row.task, null)} />
        )}
      </ul>
    </div>
  );
}

function Target({ label, onDrop }: { label: string; onDrop: () => void }) {
  const element = useRef<HTMLLIElement>(null);
  const drop = useRef(onDrop);
  drop.current = onDrop;
  const [over, setOver] = useState(false);
  useEffect(() => {
    if (!element.current) return;
    return dropTargetForElements({
      element: element.current,
      onDragEnter: () => setOver(true),
      onDragLeave: () => setOver(false),
      onDrop: () => drop.current(),
    });
  }, []);
  return (
    <li
      ref={element}
      className={cn(
        "flex h-12 items-center justify-center rounded-md border border-line-strong border-dashed px-1 text-center text-sm",
        over && "border-accent bg-accent-soft",
      )}
    >
      {label}
    </li>
  );
}
