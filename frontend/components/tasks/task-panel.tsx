"use client";

import { useEffect, useState, useSyncExternalStore } from "react";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { Spinner } from "@/components/ui/spinner";
import { useClock } from "@/hooks/use-clock";
import { useGroups } from "@/hooks/use-groups";
import { usePreload } from "@/hooks/use-preload";
import { useFirstZone, useZone } from "@/hooks/use-profile";
import { useTasks } from "@/hooks/use-tasks";
import { offerDraft, offeredDraft, onDraft } from "@/lib/tasks/drafts";
import { type Filter, NO_FILTER, type View } from "@/lib/tasks/views";
import { PendingBar } from "./pending-bar";
import { QuickAdd } from "./quick-add";
import { TaskEmpty } from "./task-empty";
import { TaskFilter } from "./task-filter";
import { laterParts, TaskList } from "./task-list";
import { TaskViews } from "./task-views";
import { ZoneHint } from "./zone-hint";

/** The tasks, beside the chat. */
export function TaskPanel() {
  useFirstZone();
  usePreload(laterParts);
  const zone = useZone();
  const { tasks, complete, loading, error, refetch, isFetching } = useTasks();
  const clock = useClock(zone, tasks);
  const [view, setView] = useState<View>("today");
  const [filter, setFilter] = useState<Filter>(NO_FILTER);
  const { groups, counts, tags } = useGroups(tasks, view, filter, clock);
  const [editing, setEditing] = useState<string | null>(null);
  const filtered = filter !== NO_FILTER;

  // What was refused or left is taken up again where its task is.
  const draft = useSyncExternalStore(onDraft, offeredDraft, () => null);
  const edited = draft?.id ? tasks.get(draft.id) : undefined;
  useEffect(() => {
    if (!edited) return;
    setView(edited.status === "done" ? "done" : "all");
    setFilter(NO_FILTER);
    setEditing(edited.task_id);
  }, [edited]);

  function edit(id: string | null) {
    setEditing(id);
    if (draft?.id) offerDraft(null);
  }

  return (
    <section aria-label="Tasks" className="flex min-h-0 flex-1 flex-col">
      <div className="flex flex-col gap-3 px-4 pt-3 pb-2">
        <QuickAdd view={view} clock={clock} onShow={setView} />
        <TaskViews view={view} onChange={setView} counts={counts} complete={complete}>
          <TaskFilter filter={filter} onChange={setFilter} tags={tags} />
        </TaskViews>
        <PendingBar />
        <ZoneHint />
        {error && (
          <Notice tone="danger">
            <p>Your tasks could not be read. {error.message}</p>
            <Button size="sm" className="mt-2" busy={isFetching} onClick={() => void refetch()}>
              Try again
            </Button>
          </Notice>
        )}
      </div>
      {loading ? (
        <p
          role="status"
          className="flex flex-1 items-center justify-center gap-2 text-muted text-sm"
        >
          <Spinner /> Reading your tasks
        </p>
      ) : groups.length > 0 ? (
        <TaskList
          key={view}
          view={view}
          groups={groups}
          clock={clock}
          editing={editing}
          onEdit={edit}
        />
      ) : (
        !error && (
          <TaskEmpty
            view={view}
            complete={complete}
            filtered={filtered}
            onClear={() => setFilter(NO_FILTER)}
          />
        )
      )}
    </section>
  );
}
