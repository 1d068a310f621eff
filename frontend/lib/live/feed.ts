/**
 * Reads the live feed of one person for as long as the page is open: comes back after whatever cut
 * it off, where it was, and says so when the page has to read everything anew.
 *
 * It is read with `fetch` as an EventSource could send no token.
 */

import type { TaskUpdate } from "@/lib/tasks/cache";
import { EventParser, type StreamEvent } from "./sse";

/** How far a conversation is; not what was said. */
export interface ChatUpdate {
  change: string;
  conversation_id: string;
  turn_id?: string;
  role?: "user" | "assistant";
  index?: number;
  title?: string;
  sequence: number;
}

/** A task fell due: the task as it was then. */
export interface ReminderUpdate {
  task_id: string;
  title: string;
  sequence: number;
}

/** What the feed says, by kind. `resync`: something may have been missed, read anew. */
export interface LiveEvents {
  task: TaskUpdate;
  reminder: ReminderUpdate;
  chat: ChatUpdate;
  resync: Record<string, never>;
}
export type LiveKind = keyof LiveEvents;

const KINDS: readonly string[] = ["task", "reminder", "chat", "resync"] satisfies LiveKind[];

export interface Parts {
  /** Opens the stream after the event of that id, if there was one. */
  open(lastId: string | null, signal: AbortSignal): Promise<Response>;
  heard<K extends LiveKind>(kind: K, data: LiveEvents[K]): void;
  /** Whether the feed is read at the moment. */
  connected(is: boolean): void;
  /** Calls back after so many milliseconds; answers how to call it off. */
  wait(ms: number, then: () => void): () => void;
  /** From 0 to 1, so that pages do not all come back at the same moment. */
  random(): number;
}

/** The backend shows a sign of life every 15 s: after three of them without one the stream is dead. */
export const SILENCE = 45_000;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;

export class LiveFeed {
  private lastId: string | null = null;
  private pause = FIRST_PAUSE;
  private attempt: AbortController | null = null;
  private callOff: (() => void) | null = null;
  private stopped = true;

  constructor(private readonly parts: Parts) {}

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    void this.read();
  }

  stop(): void {
    this.stopped = true;
    this.callOff?.();
    this.callOff = null;
    this.attempt?.abort();
    this.attempt = null;
  }

  /** Comes back at once instead of waiting, as the way may be open again. */
  hurry(): void {
    if (this.stopped || !this.callOff) return;
    this.callOff();
    this.callOff = null;
    this.pause = FIRST_PAUSE;
    void this.read();
  }

  /** Drops a stream that may be dead without knowing, as after a sleep of the machine. */
  renew(): void {
    if (this.attempt) this.attempt.abort();
    else this.hurry();
  }

  private async read(): Promise<void> {
    const attempt = new AbortController();
    this.attempt = attempt;
    let asked: number | null = null;
    try {
      asked = await this.readOnce(attempt);
    } catch {
      // Cut off: whatever it was, coming back is the answer.
    }
    // Stopped, or stopped and started again.
    if (this.attempt !== attempt) return;
    this.attempt = null;
    this.parts.connected(false);
    const pause = asked ?? this.pause * (0.5 + this.parts.random() / 2);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
    this.callOff = this.parts.wait(pause, () => {
      this.callOff = null;
      void this.read();
    });
  }

  /** Reads one stream to its end; answers how long the backend asked to wait, if it did. */
  private async readOnce(attempt: AbortController): Promise<number | null> {
    let watch = this.parts.wait(SILENCE, () => attempt.abort());
    try {
      const response = await this.parts.open(this.lastId, attempt.signal);
      if (!response.ok || !response.body) {
        await response.body?.cancel();
        const seconds = Number(response.headers.get("retry-after"));
        return seconds > 0 ? seconds * 1000 : null;
      }
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      // A read that hangs does not notice the signal everywhere.
      const over = new Promise<never>((_, reject) => {
        attempt.signal.addEventListener("abort", () => reject(attempt.signal.reason));
      });
      over.catch(() => {});
      const parser = new EventParser();
      for (;;) {
        const { done, value } = await Promise.race([reader.read(), over]);
        if (done) return null;
        watch();
        watch = this.parts.wait(SILENCE, () => attempt.abort());
        this.pause = FIRST_PAUSE;
        this.parts.connected(true);
        for (const event of parser.push(value)) this.hear(event);
      }
    } finally {
      watch();
      attempt.abort();
    }
  }

  private hear({ id, event, data }: StreamEvent): void {
    if (KINDS.includes(event)) {
      try {
        this.parts.heard(event as LiveKind, JSON.parse(data));
      } catch {
        // Without its words: they may be the person's.
        console.warn("An event of the live feed was left: it could not be read.");
      }
    }
    if (id) this.lastId = id;
  }
}
