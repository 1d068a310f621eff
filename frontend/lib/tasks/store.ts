/** The tasks of one person on this page: what the backend has, and what is on its way there. */

import type { QueryClient } from "@tanstack/react-query";
import { ApiError, api, newKey } from "@/lib/api/client";
import type { Task, TaskPage, Undone } from "@/lib/api/types";
import { keys } from "@/lib/query-keys";
import { EMPTY, TaskLedger, type TaskList, type TaskUpdate } from "./cache";
import { type Attempt, Outbox } from "./outbox";
import { storedOutbox } from "./outbox-storage";
import type { Change, Pending } from "./pending";

/** Tasks of a page of the list: the most the backend gives. */
const PAGE = 100;

/** As many changes as the backend can take back. */
const UNDOABLE = 20;

/** A change that the backend refused. */
export interface Refused {
  pending: Pending;
  /** A sentence for the person. */
  reason: string;
}

/** What the backend answers to a change: the task, or nothing if it is gone. */
type Answer = Task | null;

export class TaskStore {
  readonly outbox: Outbox<Answer>;
  private readonly ledger = new TaskLedger();
  private readonly refusals = new Set<(refused: Refused) => void>();
  private ready: Promise<void> = Promise.resolve();
  /** When changes that were answered lately took place, by their keys: what an undo refers to. */
  private readonly took = new Map<string, string>();

  constructor(
    readonly userId: string,
    private readonly cache: QueryClient,
  ) {
    this.outbox = new Outbox<Answer>({
      send: (pending) => this.send(pending),
      answered: (pending, task) => this.answered(pending, task),
      refused: (pending, reason, gone) => this.refused(pending, reason, gone),
      idOf: (task) => task?.task_id ?? null,
      store: storedOutbox(userId),
      newKey,
      now: () => new Date(),
      wait: (ms, then) => {
        const timer = setTimeout(then, ms);
        return () => clearTimeout(timer);
      },
    });
  }

  /** Has the first reading of the list wait until updates are heard, so that none falls between. */
  readAfter(ready: Promise<void>): void {
    this.ready = ready;
  }

  /** Reads the whole list: open tasks first, and what is there shows while the rest comes. */
  load = async ({ signal }: { signal: AbortSignal }): Promise<TaskList> => {
    await this.ready;
    const mark = this.ledger.mark();
    const read: Task[] = [];
    for (const status of ["open", "done"] as const) {
      let cursor: string | null | undefined;
      do {
        const query = new URLSearchParams({ status, limit: String(PAGE) });
        if (cursor) query.set("cursor", cursor);
        const page = await api<TaskPage>("GET", this.path(`tasks?${query}`), { signal });
        read.push(...page.tasks);
        cursor = page.next_cursor;
        const known = this.cache.getQueryData<TaskList>(keys.tasks);
        if (!known?.complete) {
          this.cache.setQueryData(keys.tasks, this.ledger.loaded(read, mark, false));
        }
      } while (cursor);
    }
    return this.ledger.loaded(read, mark, true);
  };

  /** Takes in what the live feed says. */
  told(update: TaskUpdate): void {
    this.apply((list) => this.ledger.told(update, list));
  }

  /** Makes a change: it shows at once and is sent when it can be. */
  change(change: Change, title: string): Pending {
    return this.outbox.add(change, title);
  }

  /** Takes a change back: called off while it waits, else undone. */
  undo({ key, change, title }: Pending, before: Task | null): void {
    if (this.outbox.cancel(key)) return;
    const id = change.kind === "add" ? this.outbox.resolve(`new-${key}`) : change.id;
    this.outbox.add({ kind: "undo", id, of: key, before }, title);
  }

  /** Hears of changes that were refused. */
  onRefused(listener: (refused: Refused) => void): () => void {
    this.refusals.add(listener);
    return () => this.refusals.delete(listener);
  }

  private apply(change: (list: TaskList) => TaskList): void {
    const list = this.cache.getQueryData<TaskList>(keys.tasks);
    // Before the list is read nothing is kept but that something came.
    const next = change(list ?? EMPTY);
    if (list && next !== list) this.cache.setQueryData(keys.tasks, next);
  }

  private answered(pending: Pending, task: Answer): void {
    const { change } = pending;
    const id = task?.task_id ?? (change.kind === "add" ? null : change.id);
    if (id) this.apply((list) => this.ledger.answered(id, task, list));
    if (task && change.kind !== "undo") this.remember(pending.key, task.updated_at);
  }

  private remember(key: string, updated: string): void {
    this.took.set(key, updated);
    const [oldest] = this.took.keys();
    if (this.took.size > UNDOABLE && oldest !== undefined) this.took.delete(oldest);
  }

  private refused(pending: Pending, reason: string, gone: boolean): void {
    const { change } = pending;
    if (gone && change.kind !== "add") {
      this.apply((list) => this.ledger.answered(change.id, null, list));
    }
    // It is gone, as it was to be.
    if (gone && change.kind === "delete") return;
    for (const listener of this.refusals) listener({ pending, reason });
  }

  private async send({ key, change }: Pending): Promise<Attempt<Answer>> {
    const options = { key, tries: 2 };
    try {
      return { kind: "answered", answer: await this.ask(change, options) };
    } catch (error) {
      if (!(error instanceof ApiError) || error.transient || error.status === 401) {
        const seconds = error instanceof ApiError ? error.retryAfter : undefined;
        return { kind: "later", after: seconds ? seconds * 1000 : null };
      }
      return { kind: "refused", reason: error.detail, gone: error.status === 404 };
    }
  }

  private async ask(change: Change, options: { key: string; tries: number }): Promise<Answer> {
    if (change.kind === "add") {
      return api<Task>("POST", this.path("tasks"), { ...options, body: change.task });
    }
    const path = this.path(`tasks/${encodeURIComponent(change.id)}`);
    switch (change.kind) {
      case "update":
        return api<Task>("PATCH", path, { ...options, body: change.patch });
      case "undo": {
        const query = new URLSearchParams({ task_id: change.id });
        const updated = this.took.get(change.of);
        if (updated) query.set("updated_at", updated);
        const { undone, task } = await api<Undone>("POST", this.path(`undo?${query}`), options);
        return undone === "added" ? null : task;
      }
      case "delete": {
        // The answer is the task as it was: its `updated_at` is none of the deletion.
        await api<Task>("DELETE", path, options);
        return null;
      }
      default:
        return api<Task>("POST", `${path}/${change.kind}`, options);
    }
  }

  private path(rest: string): string {
    return `/api/${encodeURIComponent(this.userId)}/${rest}`;
  }
}
