import { ChatSession } from "./session";
import type { SessionWorld } from "./session-state";
import type { PendingSend } from "./types";

/** A conversation's event in the live feed. */
export interface ChatEvent {
  conversation_id: string;
  change: string;
  turn_id?: string;
}

/** The conversations that are or were open in this page, and those that have something to send. */
export class ChatSessions {
  readonly #world: Omit<SessionWorld, "onStarted">;
  readonly #sessions = new Map<string, ChatSession>();
  readonly #listeners = new Set<() => void>();

  /** Hears of every new conversation that the backend has begun. */
  onStarted: ((session: ChatSession) => void) | undefined;

  constructor(world: Omit<SessionWorld, "onStarted">) {
    this.#world = world;
    const waiting = world.outbox.all();
    for (const threadId of new Set(waiting.map((send) => send.threadId))) {
      this.#add(
        threadId,
        waiting.filter((send) => send.threadId === threadId),
      );
    }
  }

  /** Hears of every change in any of them. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Goes on with what was being sent when the page was left. */
  resume(): void {
    for (const session of this.#all()) void session.deliver();
  }

  /** The session of a conversation. */
  open(conversationId: string): ChatSession {
    return this.#sessions.get(conversationId) ?? this.#add(conversationId, []);
  }

  /** A session for a conversation that is yet to begin. */
  fresh(): ChatSession {
    return this.#add(`${NEW}${this.#world.newKey()}`, []);
  }

  /** A conversation that the page was left in before the backend had named it. */
  unnamed(): ChatSession | undefined {
    return this.#all().find(({ state }) => !state().conversationId && state().queue.length > 0);
  }

  /** One that does not show and in which something waits, so that nothing is lost unseen. */
  stuckBeside(shown: ChatSession): ChatSession | undefined {
    return this.#all().find((session) => session !== shown && session.isStuck());
  }

  /** Another tab of this browser has sent or taken back something. */
  noticeGone(): void {
    for (const session of this.#all()) session.noticeGone();
  }

  /** The connection is back. */
  wake(): void {
    for (const session of this.#all()) session.wake();
  }

  /** What the live feed says of a conversation. */
  heard({ conversation_id, change, turn_id }: ChatEvent): void {
    const session = this.#sessions.get(conversation_id);
    if (change === "conversation.deleted") session?.forget();
    else if (change === "message.added") session?.heard(turn_id);
  }

  /** The live feed may have missed something. */
  refresh(): void {
    for (const session of this.#all()) session.catchUp();
  }

  #started(session: ChatSession): void {
    const { conversationId } = session.state();
    if (conversationId) this.#sessions.set(conversationId, session);
    this.onStarted?.(session);
  }

  #all(): ChatSession[] {
    return [...new Set(this.#sessions.values())];
  }

  #add(threadId: string, queue: PendingSend[]): ChatSession {
    const conversationId = threadId.startsWith(NEW) ? undefined : threadId;
    const world = { ...this.#world, onStarted: () => this.#started(session) };
    const session: ChatSession = new ChatSession(world, threadId, conversationId, queue);
    session.subscribe(() => {
      for (const listener of this.#listeners) listener();
    });
    this.#sessions.set(threadId, session);
    return session;
  }
}

/** Begins the id of a conversation that the backend has not named; no id of its own has a colon. */
const NEW = "new:";
