"use client";

import { useQuery } from "@tanstack/react-query";
import { useMemo, useSyncExternalStore } from "react";
import { useTaskStore } from "@/components/live-provider";
import { useToast } from "@/components/ui/toast";
import type { NewTask, Task, TaskPatch } from "@/lib/api/types";
import { keys } from "@/lib/query-keys";
import { EMPTY } from "@/lib/tasks/cache";
import type { Waiting } from "@/lib/tasks/outbox";
import { type Change, type Pending, temporaryId, withPending } from "@/lib/tasks/pending";

const NOTHING: Waiting = { pending: [], stuck: false };

/** Changes that have not been answered yet. */
export function useWaiting(): Waiting {
  const { outbox } = useTaskStore();
  return useSyncExternalStore(outbox.subscribe, outbox.snapshot, () => NOTHING);
}

/** Every task as it will be once all changes are answered. */
export function useTasks() {
  const store = useTaskStore();
  const { data, error, refetch, isFetching } = useQuery({
    queryKey: keys.tasks,
    queryFn: store.load,
    // The live feed keeps it right, and says when to read anew.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
    structuralSharing: false,
  });
  const { pending } = useWaiting();
  const list = data ?? EMPTY;
  const tasks = useMemo(() => withPending(list.byId, pending), [list, pending]);
  return {
    tasks,
    /** Whether the list is whole; what is there shows before. */
    complete: list.complete,
    /** There is nothing to show yet. */
    loading: data === undefined && error === null,
    error: data?.complete ? null : error,
    refetch,
    isFetching,
  };
}

/** What a person can do to tasks. Everything shows at once and can be undone. */
export interface TaskActions {
  /** Answers the id under which the new task shows. */
  add(task: NewTask): string;
  /** `said` is told to the person, with an Undo; nothing is told without. */
  update(task: Task, patch: TaskPatch, said?: string): void;
  complete(task: Task): void;
  reopen(task: Task): void;
  remove(task: Task): void;
}

export function useTaskActions(): TaskActions {
  const store = useTaskStore();
  const toast = useToast();
  return useMemo(() => {
    const undoable = (change: Change, before: Task, said: string) => {
      const made = store.change(change, before.title);
      let id = "";
      const onAction = () => {
        toast.hide(id);
        store.undo(made, before);
      };
      id = toast.show({ title: said, action: { label: "Undo", onAction } });
    };
    return {
      add(task) {
        const made: Pending = store.change({ kind: "add", task }, task.title);
        return temporaryId(made.key);
      },
      update(task, patch, said) {
        const change: Change = { kind: "update", id: task.task_id, patch };
        if (said) undoable(change, task, said);
        else store.change(change, task.title);
      },
      complete(task) {
        undoable({ kind: "complete", id: task.task_id }, task, `Done: ${task.title}`);
      },
      reopen(task) {
        undoable({ kind: "reopen", id: task.task_id }, task, `Open again: ${task.title}`);
      },
      remove(task) {
        undoable({ kind: "delete", id: task.task_id }, task, `Deleted: ${task.title}`);
      },
    };
  }, [store, toast]);
}
