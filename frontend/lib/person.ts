/** Everything that is known of a person: as a file to keep, or to be removed. */

import { api, authorizedFetch } from "@/lib/api/client";
import { errorOf, networkError } from "@/lib/api/error";
import { forgetPerson } from "@/lib/chat/storage";
import { forgetOutbox } from "@/lib/tasks/outbox-storage";
import { forgetHandled } from "@/lib/tasks/reminders";

/** How many of each there are. */
export interface Counts {
  tasks: number;
  conversations: number;
  messages: number;
  activity: number;
  push_subscriptions: number;
}

/** What an attempt to erase answers. */
export type Erasure =
  | { state: "unconfirmed"; confirmation: string; expires_at: string; would_remove: Counts }
  | { state: "erasing" }
  | { state: "erased"; erased_at: string; removed: Counts };

/**
 * Saves everything that is known of a person as a file.
 *
 * @throws {ApiError} it cannot be read, or was cut off half way
 */
export async function saveExport(userId: string): Promise<void> {
  const response = await authorizedFetch(`/api/${userId}/export`).catch(() => {
    throw networkError();
  });
  if (!response.ok) throw await errorOf(response);
  const file = await response.blob().catch(() => {
    throw networkError();
  });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `todo-${new Date().toISOString().slice(0, 10)}.json`;
  link.click();
  // The browser has read it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Asks what erasing would remove; nothing happens yet. */
export function askToErase(userId: string): Promise<Erasure> {
  return api<Erasure>("DELETE", `/api/${userId}`);
}

/** Longest that the page waits to hear that it is done; it is done without it too. */
const PATIENCE = 5 * 60_000;
const AGAIN = 2_000;

/**
 * Erases a person, and what this browser keeps of them.
 *
 * @throws {ApiError} the confirmation has expired, or nobody could be reached
 */
export async function erase(userId: string, confirmation: string): Promise<void> {
  const query = new URLSearchParams({ confirmation });
  const end = Date.now() + PATIENCE;
  let erasure = await api<Erasure>("DELETE", `/api/${userId}?${query}`);
  while (erasure.state === "erasing" && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
    erasure = await api<Erasure>("DELETE", `/api/${userId}`);
  }
  forgetTyped(userId);
  forgetHandled(userId);
}

/** Removes what was typed in this browser, sent or not. */
export function forgetTyped(userId: string): void {
  forgetPerson(userId);
  forgetOutbox(userId);
}
