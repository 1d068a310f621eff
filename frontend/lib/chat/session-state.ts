import type { api } from "@/lib/api/client";
import type { SendProblem } from "./errors";
import type { Outbox } from "./outbox";
import type { PendingSend } from "./types";

/** What a conversation is doing. */
export type Phase =
  | { name: "idle" }
  | { name: "answering" }
  | { name: "stopping" }
  /** `until` is the moment of the next try, if it is known, in milliseconds since 1970. */
  | { name: "waiting"; why: "offline" | "connection" | "asked"; sentence: string; until?: number }
  | { name: "failed"; problem: SendProblem }
  /** The next message is so old that the person should say whether it is still meant. */
  | { name: "stale" };

export interface SessionState {
  phase: Phase;
  /** What is on its way, the one being answered first. */
  queue: readonly PendingSend[];
  /** Absent until the backend has begun the conversation. */
  conversationId?: string;
  history: "unread" | "reading" | "read" | "failed";
  hasOlder: boolean;
  /** It was deleted, here or elsewhere. */
  gone: boolean;
}

/** What a session needs from the page around it. */
export interface SessionWorld {
  userId: string;
  outbox: Outbox;
  api: typeof api;
  fetch?: typeof fetch;
  isOnline: () => boolean;
  timeZone: () => string | undefined;
  now: () => number;
  newKey: () => string;
  /** The backend has begun a conversation that was new. */
  onStarted: () => void;
}
