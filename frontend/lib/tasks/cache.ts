/**
 * The tasks as the backend has them, kept right by three voices that may overtake each other: the
 * pages of a list that takes a while to read, the answers to our own changes, and the live feed.
 */

import type { Task } from "@/lib/api/types";

/** Every task by its id. `complete` once the whole list has been read. */
export interface TaskList {
  byId: ReadonlyMap<string, Task>;
  complete: boolean;
}

export const EMPTY: TaskList = { byId: new Map(), complete: false };

/** What the live feed says of a task. */
export interface TaskUpdate {
  task_id: string;
  /** `created`, `updated`, `completed`, `reopened`, `deleted`, `restored`, `reminded`. */
  change: string;
  /** As it is now; null once it is gone. */
  task: Task | null;
  /** Of the person's journal: later updates have higher ones. */
  sequence: number;
}

/** The last that is known of a task, and when it came to be known. */
interface Touch {
  order: number;
  /** Of the newest update heard; -1 while only answers are known. */
  sequence: number;
  task: Task | null;
}

/** Most tasks whose last touch is remembered. */
const REMEMBERED = 5_000;

/** Decides which of two versions of a task stands. */
export class TaskLedger {
  private readonly touches = new Map<string, Touch>();
  private order = 0;

  /** A place in time, to be handed to `loaded`. */
  mark(): number {
    return this.order;
  }

  /** The list after an update of the feed. The same list when it says nothing new. */
  told(update: TaskUpdate, list: TaskList): TaskList {
    const known = this.touches.get(update.task_id);
    if (known && update.sequence <= known.sequence) return list;
    const gone = known?.task === null;
    // What is late about a task that is gone does not bring it back; being restored does.
    const late =
      update.task !== null && (gone ? update.change !== "restored" : older(update.task, list));
    if (late) {
      if (known) known.sequence = update.sequence;
      return list;
    }
    return this.put(update.task_id, update.task, update.sequence, list);
  }

  /** The list after the backend's answer to a change: the task as it is, or null if it is gone. */
  answered(id: string, task: Task | null, list: TaskList): TaskList {
    if (task !== null && older(task, list)) return list;
    return this.put(id, task, this.touches.get(id)?.sequence ?? -1, list);
  }

  /** The list as read, with what came to be known since `mark`. */
  loaded(tasks: Iterable<Task>, mark: number, complete: boolean): TaskList {
    const byId = new Map<string, Task>();
    for (const task of tasks) byId.set(task.task_id, task);
    for (const [id, touch] of this.touches) {
      if (touch.order <= mark) {
        // Read later than it was said to be gone: it is back.
        if (touch.task === null && byId.has(id)) this.touches.delete(id);
      } else if (touch.task === null) {
        byId.delete(id);
      } else if (!older(touch.task, { byId, complete })) {
        byId.set(id, touch.task);
      }
    }
    return { byId, complete };
  }

  private put(id: string, task: Task | null, sequence: number, list: TaskList): TaskList {
    this.order += 1;
    this.touches.delete(id);
    this.touches.set(id, { order: this.order, sequence, task });
    for (const oldest of this.touches.keys()) {
      if (this.touches.size <= REMEMBERED) break;
      this.touches.delete(oldest);
    }
    const byId = new Map(list.byId);
    if (task === null) byId.delete(id);
    else byId.set(id, task);
    return { ...list, byId };
  }
}

/** Whether the list has a later version of `task`. */
function older(task: Task, { byId }: TaskList): boolean {
  const known = byId.get(task.task_id);
  return known !== undefined && Date.parse(task.updated_at) < Date.parse(known.updated_at);
}
