import type { Task } from "@/lib/api/types";
import { type ChatMessage, type ToolPart, toolsOf } from "./types";

/** A change on a card: the task as the change left it, or as it was when it deleted it. */
export interface Change {
  /** Which card: the message and the place of the call in it. */
  card: string;
  task_id: string;
  updated_at: string;
}

/** Whether a card's change can be taken back. */
export type Undoable =
  | { can: true; change: Change }
  /** `undone` is that it was; a reason says why it cannot be. */
  | { can: false; undone: true }
  | { can: false; undone: false; reason: string };

const CHANGES = new Set([
  "add_task",
  "complete_task",
  "reopen_task",
  "delete_task",
  "reschedule_task",
  "set_recurrence",
  "update_task",
]);

const LATER = "This task was changed after this. Undo that first.";

/** The name of a message's card. */
export function cardName(message: ChatMessage, n: number): string {
  return `${message.metadata?.turn_id ?? message.id}/${n}`;
}

/**
 * Which cards can be undone. The backend takes back the newest change of a task, so of the cards
 * about one task only the newest can; the one before it follows once that is done.
 *
 * `undone` are cards whose change was taken back in this browser, `refused` says of cards why the
 * backend would not. What was undone by saying so is read from the messages.
 */
export function undoable(
  messages: ChatMessage[],
  undone: ReadonlySet<string>,
  refused: ReadonlyMap<string, string>,
): Map<string, Undoable> {
  const cards = new Map<string, Undoable>();
  const open = new Map<string, Change[]>();
  for (const message of messages) {
    for (const [n, part] of toolsOf(message).entries()) {
      const card = cardName(message, n);
      const task = taskOf(part);
      if (!task) continue;
      const { task_id, updated_at } = task;
      const ofTask = open.get(task_id) ?? [];
      if (part.toolName === "undo") {
        const change = ofTask.pop();
        if (change) cards.set(change.card, { can: false, undone: true });
      } else if (CHANGES.has(part.toolName)) {
        if (undone.has(card)) cards.set(card, { can: false, undone: true });
        else open.set(task_id, [...ofTask, { card, task_id, updated_at }]);
      }
    }
  }
  for (const changes of open.values()) {
    for (const change of changes) {
      const reason = refused.get(change.card) ?? (change === changes.at(-1) ? undefined : LATER);
      const state: Undoable = reason
        ? { can: false, undone: false, reason }
        : { can: true, change };
      cards.set(change.card, state);
    }
  }
  return cards;
}

function taskOf(part: ToolPart): Pick<Task, "task_id" | "updated_at"> | undefined {
  if (part.state !== "output-available") return undefined;
  const { ok } = part.output as { ok?: { task?: Task } };
  return ok?.task?.task_id && ok.task.updated_at ? ok.task : undefined;
}
