"use client";

import { defaultRangeExtractor, type Range, useVirtualizer } from "@tanstack/react-virtual";
import dynamic from "next/dynamic";
import { useCallback, useMemo, useRef, useState } from "react";
import { useActiveRow } from "@/hooks/use-active-row";
import { useDraggableRow } from "@/hooks/use-draggable-row";
import { useListKeys } from "@/hooks/use-list-keys";
import { useRowActions } from "@/hooks/use-row-actions";
import { useWaiting } from "@/hooks/use-tasks";
import { subjectOf } from "@/lib/tasks/pending";
import { rowsOf } from "@/lib/tasks/rows";
import { type Clock, type Group, VIEW_NAMES, type View } from "@/lib/tasks/views";
import { TaskRow } from "./task-row";

const editor = () => import("./task-editor");
const targets = () => import("./day-targets");
/** What a list loads when it is first needed, for `usePreload`. */
export const laterParts = () => [editor(), targets()];

const TaskEditor = dynamic(() => editor().then((module) => module.TaskEditor), { ssr: false });
/** Without a connection they cannot be had; menu and keys move tasks as well. */
const noTargets = () => () => null;
const DayTargets = dynamic(() => targets().then((module) => module.DayTargets, noTargets), {
  ssr: false,
});

interface Props {
  view: View;
  groups: Group[];
  clock: Clock;
  /** The task that is being edited. */
  editing: string | null;
  onEdit: (id: string | null) => void;
}

/** The tasks of a view under their headings. Only what is in sight is drawn. */
export function TaskList({ view, groups, clock, editing, onEdit }: Props) {
  const rows = useMemo(() => rowsOf(groups), [groups]);
  const scroller = useRef<HTMLDivElement>(null);
  const { pending, stuck } = useWaiting();
  const waiting = useMemo(() => new Set(stuck ? pending.map(subjectOf) : []), [pending, stuck]);
  const [activeIndex, setActiveIndex] = useState(-1);

  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (n) => (rows[n]?.kind === "heading" ? 36 : 56),
    getItemKey: (n) => rows[n]?.id ?? n,
    overscan: 8,
    useFlushSync: false,
    // The row with the focus stays, however far it is scrolled away.
    rangeExtractor: useCallback(
      (range: Range) => {
        const seen = defaultRangeExtractor(range);
        const keep = activeIndex >= 0 && activeIndex < range.count && !seen.includes(activeIndex);
        return keep ? [...seen, activeIndex].sort((a, b) => a - b) : seen;
      },
      [activeIndex],
    ),
  });
  const scrollTo = useCallback((n: number) => virtual.scrollToIndex(n), [virtual]);
  const active = useActiveRow(rows, scroller, scrollTo);
  if (active.index !== activeIndex) setActiveIndex(active.index);

  const actions = useRowActions(clock, onEdit);
  const onKeyDown = useListKeys({ rows, index: active.index, goTo: active.goTo, actions, clock });
  const draggable = useDraggableRow();
  const tasks = rows.length - groups.length;

  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <div ref={scroller} className="min-h-0 flex-1 overflow-y-auto px-2 pb-24">
        <ul
          aria-label={`${VIEW_NAMES[view]}, ${tasks.toLocaleString("en")}`}
          onKeyDown={onKeyDown}
          onFocus={active.onFocus}
          onBlur={active.onBlur}
          className="relative w-full"
          style={{ height: virtual.getTotalSize() }}
        >
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            if (!row) return null;
            return (
              <li
                key={item.key}
                ref={virtual.measureElement}
                data-index={item.index}
                data-task={row.kind === "task" ? row.id : undefined}
                className="absolute top-0 left-0 w-full"
                style={{ transform: `translateY(${item.start}px)` }}
              >
                {row.kind === "heading" ? (
                  <h2 className="flex items-baseline gap-2 px-3 pt-3 pb-1 font-semibold text-sm">
                    {row.label}
                    <span className="font-normal text-muted text-xs tabular-nums">
                      {row.count.toLocaleString("en")}
                    </span>
                  </h2>
                ) : row.id === editing ? (
                  <TaskEditor
                    task={row.task}
                    clock={clock}
                    onClose={() => {
                      onEdit(null);
                      active.focus(row.id);
                    }}
                  />
                ) : (
                  <div ref={draggable(row.id)}>
                    <TaskRow
                      task={row.task}
                      clock={clock}
                      active={row.id === active.id}
                      waits={waiting.has(row.id)}
                      actions={actions}
                    />
                  </div>
                )}
              </li>
            );
          })}
        </ul>
      </div>
      <DayTargets rows={rows} clock={clock} actions={actions} />
    </div>
  );
}
