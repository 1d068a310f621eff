import { Chat } from "@ai-sdk/react";
import type { ChatReply, MessagePage } from "@/lib/api/types";
import { type SendProblem, sendProblem } from "./errors";
import { fromReply, oldestIndex, withMessage, withPage, withTurn } from "./history";
import { isStale } from "./outbox";
import type { Phase, SessionState, SessionWorld } from "./session-state";
import { TurnTransport } from "./transport";
import type { ChatMessage, MessageMetadata, PendingSend } from "./types";
import { Wait } from "./wait";

/** How many messages are read at once. */
const PAGE = 30;
/** Tries before the person is asked, when the connection breaks, and when the backend stumbles. */
const TRIES = 12;
const STUMBLES = 3;
/** Longest wait between two tries, in milliseconds. */
const LONGEST_WAIT = 10_000;

/**
 * One conversation: what was said in it, and what is being said.
 *
 * Messages leave one after the other, each under its own key until its answer is complete,
 * whatever breaks meanwhile. It lives apart from what shows it, so an answer comes in and a queue
 * empties also while the person looks at another conversation.
 */
export class ChatSession {
  readonly threadId: string;
  readonly chat: Chat<ChatMessage>;
  readonly #world: SessionWorld;
  readonly #listeners = new Set<() => void>();
  readonly #wait = new Wait();
  #state: SessionState;
  #delivering = false;
  #stopAsked: string | undefined;
  #cursor: string | undefined;
  #lastTurn: string | undefined;

  constructor(
    world: SessionWorld,
    threadId: string,
    conversationId?: string,
    queue: PendingSend[] = [],
  ) {
    this.threadId = threadId;
    this.#world = world;
    const history = conversationId ? "unread" : "read";
    const phase: Phase = { name: "idle" };
    this.#state = { phase, queue, conversationId, history, hasOlder: false, gone: false };
    const transport = new TurnTransport({
      userId: world.userId,
      fetch: world.fetch,
      turn: () => this.#turn(),
      onStart: (metadata) => this.#started(metadata),
    });
    this.chat = new Chat<ChatMessage>({ id: threadId, transport });
  }

  readonly state = (): SessionState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Says something; it leaves once all before it is answered. */
  send(text: string): void {
    const { threadId } = this;
    const { conversationId } = this.#state;
    const timeZone = this.#world.timeZone();
    const [key, writtenAt] = [this.#world.newKey(), this.#world.now()];
    const send = {
      key,
      threadId: conversationId ?? threadId,
      conversationId,
      text,
      timeZone,
      writtenAt,
    };
    this.#world.outbox.put(send);
    this.#set({ queue: [...this.#state.queue, send] });
    void this.deliver();
  }

  /** Sends what waits, unless that is going on already. */
  async deliver(): Promise<void> {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      for (let send = this.#next(); send; send = this.#next()) {
        if (!(await this.#bring(send))) return;
      }
      this.#phase({ name: "idle" });
    } finally {
      this.#delivering = false;
    }
  }

  /** Tries again what failed, or sends what was too old to be sent unasked. */
  retry(): void {
    const meantAt = this.#world.now();
    for (const send of this.#state.queue) this.#change({ ...send, meantAt });
    void this.deliver();
  }

  /** The connection is back: whatever waits for it goes on. */
  wake(): void {
    const { phase } = this.#state;
    this.#wait.end();
    if (phase.name === "failed" && phase.problem.kind === "connection") void this.deliver();
  }

  /** Takes a message back that is not being answered; its text, to put it into the box again. */
  discard(key: string): string {
    const send = this.#state.queue.find((each) => each.key === key);
    if (!send) return "";
    this.#takeOut(send);
    return send.text;
  }

  /** Another tab has sent or taken back something: that does not wait here any more. */
  noticeGone(): void {
    const gone = ({ key, tried }: PendingSend) => !tried && this.#world.outbox.isGone(key);
    for (const send of this.#state.queue.filter(gone)) this.#takeOut(send);
  }

  /**
   * Stops the answer. Resolves once the backend has said how it ended.
   *
   * @throws {ApiError} it could not be stopped
   */
  async stop(): Promise<void> {
    const send = this.#head();
    if (!send?.tried || this.#stopAsked === send.key) return;
    this.#stopAsked = send.key;
    this.#phase({ name: "stopping" });
    const { conversationId } = this.#state;
    // Without a turn there is nothing to name yet: it is stopped as soon as it begins.
    if (send.turnId && conversationId) await this.#stopTurn(send.turnId, conversationId);
  }

  /** Reads the newest messages for the first time. */
  async load(): Promise<void> {
    const { history, conversationId } = this.#state;
    if (history === "reading" || history === "read" || !conversationId) return;
    this.#set({ history: "reading" });
    try {
      this.#show(await this.#page(conversationId));
      this.#set({ history: "read" });
    } catch (error) {
      if (sendProblem(error).kind === "gone") this.forget();
      this.#set({ history: "failed" });
    }
  }

  /**
   * Reads the page before the oldest message shown.
   *
   * @throws {ApiError} it could not be read
   */
  async loadOlder(): Promise<void> {
    const { conversationId } = this.#state;
    const cursor = this.#cursor;
    if (!conversationId || cursor === undefined) return;
    this.#cursor = undefined;
    try {
      this.#show(await this.#page(conversationId, cursor));
    } catch (error) {
      this.#cursor = cursor;
      throw error;
    }
  }

  /** Reads the newest messages again: something was said elsewhere, or an answer is complete. */
  async refresh(): Promise<void> {
    const { conversationId, history } = this.#state;
    if (!conversationId || history === "unread" || history === "failed") return;
    try {
      this.#show(await this.#page(conversationId));
    } catch {
      // What is shown is right as far as it goes; the next change reads again.
    }
  }

  /** Something was said in this conversation, perhaps elsewhere. */
  heard(turnId: string | undefined): void {
    const send = this.#head();
    const ours = send?.tried && (send.turnId === undefined || send.turnId === turnId);
    if (!ours && turnId !== this.#lastTurn) void this.refresh();
  }

  /** Something may have been said unheard; an answer under way reads anew when it is complete. */
  catchUp(): void {
    if (!this.#head()?.tried) void this.refresh();
  }

  /** It was deleted; what waits to be said in it stays until somebody takes it. */
  forget(): void {
    this.#set({ gone: true, phase: { name: "idle" } });
    this.#wait.end();
  }

  /** Whether something waits that does not go on by itself, or not for now. */
  isStuck(): boolean {
    const { queue, phase, gone } = this.#state;
    const offline = phase.name === "waiting" && phase.why === "offline";
    return queue.length > 0 && (gone || offline || ["failed", "stale"].includes(phase.name));
  }

  /** Takes back everything that waits; its text, to say it somewhere else. */
  takeAll(): string {
    const { queue } = this.#state;
    for (const { key } of queue) this.#drop(key);
    return queue.map(({ text }) => text).join("\n");
  }

  /** Sends a message until it is answered; whether the next may follow. */
  async #bring(send: PendingSend): Promise<boolean> {
    let stumbles = 0;
    for (let tries = 0, head = this.#next(); head?.key === send.key; head = this.#next()) {
      if (this.#world.outbox.isGone(send.key)) {
        this.#takeOut(send);
        return true;
      }
      // Anew for each try: a night may have passed while it waited for the connection.
      if (isStale(head, this.#world.now())) {
        this.#stopAsked = undefined;
        return this.#halt({ name: "stale" });
      }
      if (!this.#world.isOnline()) {
        const sentence = "You are offline. What you wrote is sent when you are back.";
        this.#phase({ name: "waiting", why: "offline", sentence });
        await this.#wait.for(undefined);
        continue;
      }
      const error = await this.#attempt(send, tries === 0);
      if (this.#head()?.key !== send.key) return true;
      if (!error) return this.#answered(send);
      const problem = sendProblem(error);
      tries += 1;
      if (problem.kind === "stumbled") stumbles += 1;
      const goesOn = ["connection", "stumbled", "wait"].includes(problem.kind);
      if (problem.kind === "gone" && this.#state.conversationId) this.#set({ gone: true });
      if (!goesOn || tries >= TRIES || stumbles >= STUMBLES) {
        this.#stopAsked = undefined;
        return this.#halt({ name: "failed", problem });
      }
      await this.#pause(problem, tries);
    }
    return true;
  }

  /** One request. Resolves with what went wrong, if anything did. */
  async #attempt(send: PendingSend, first: boolean): Promise<Error | undefined> {
    if (!this.#isStopping() && first) this.#phase({ name: "answering" });
    this.#change({ ...send, ...this.#head(), tried: true });
    if (!this.#isShown(send)) {
      this.chat.messages = [...this.chat.messages, spoken(send)];
    }
    await this.chat.resumeStream();
    return this.chat.status === "error" ? (this.chat.error ?? new Error()) : undefined;
  }

  async #pause({ kind, sentence, retryAfter }: SendProblem, tries: number): Promise<void> {
    const backoff = Math.min(500 * 2 ** (tries - 1), LONGEST_WAIT);
    const time = retryAfter === undefined ? backoff : retryAfter * 1000;
    const why = kind === "wait" ? "asked" : "connection";
    const until = this.#world.now() + time;
    if (!this.#isStopping()) this.#phase({ name: "waiting", why, sentence, until });
    await this.#wait.for(time);
  }

  #answered(send: PendingSend): boolean {
    this.#lastTurn = this.#head()?.turnId;
    this.#drop(send.key);
    // As it is stored: with its place, its moment, and its words if another replica had the last.
    void this.refresh();
    return true;
  }

  #halt(phase: Phase): boolean {
    this.#phase(phase);
    return false;
  }

  async #stopTurn(turnId: string, conversation_id: string): Promise<void> {
    const { userId, api } = this.#world;
    try {
      const path = `/api/${userId}/chat/${turnId}/stop`;
      const reply = await api<ChatReply>("POST", path, { body: { conversation_id } });
      const send = this.#head();
      if (send?.turnId !== turnId) return;
      this.#lastTurn = turnId;
      this.#drop(send.key);
      await this.chat.stop();
      this.chat.messages = withMessage(this.chat.messages, fromReply(reply));
      this.#wait.end();
      void this.refresh();
    } catch (error) {
      if (this.#head()?.turnId === turnId) this.#phase({ name: "answering" });
      throw error;
    } finally {
      this.#stopAsked = undefined;
    }
  }

  /** The backend has taken the message. */
  #started({ conversation_id, turn_id }: MessageMetadata): void {
    const send = this.#head();
    if (!send || !conversation_id || !turn_id) return;
    const isNew = this.#state.conversationId === undefined;
    this.#change({ ...send, threadId: conversation_id, turnId: turn_id });
    this.chat.messages = withTurn(this.chat.messages, send.key, turn_id);
    if (isNew) {
      this.#set({ conversationId: conversation_id });
      for (const later of this.#state.queue.slice(1)) {
        this.#change({ ...later, threadId: conversation_id, conversationId: conversation_id });
      }
      this.#world.onStarted();
    }
    if (this.#stopAsked === send.key) {
      // Whoever pressed Stop sees it go on if this fails, and can press again.
      this.#stopTurn(turn_id, conversation_id).catch(() => undefined);
    } else {
      this.#phase({ name: "answering" });
    }
  }

  #turn() {
    const send = this.#head();
    if (!send) throw new Error("there is nothing to send");
    const { key, text, conversationId, timeZone } = send;
    return { key, body: { message: text, conversation_id: conversationId, time_zone: timeZone } };
  }

  async #page(conversationId: string, cursor?: string): Promise<MessagePage> {
    const { userId, api } = this.#world;
    const query = new URLSearchParams({ limit: String(PAGE), ...(cursor && { cursor }) });
    const path = `/api/${userId}/conversations/${encodeURIComponent(conversationId)}/messages`;
    return api<MessagePage>("GET", `${path}?${query}`);
  }

  #show(page: MessagePage): void {
    this.chat.messages = withPage(this.chat.messages, page.messages, this.#state.conversationId);
    // The cursor belongs to the oldest page shown.
    if (oldestIndex(this.chat.messages) === page.messages[0]?.index) {
      this.#cursor = page.next_cursor ?? undefined;
      this.#set({ hasOlder: this.#cursor !== undefined });
    }
  }

  #isShown({ key, turnId }: PendingSend): boolean {
    const same = ({ id, role, metadata }: ChatMessage) =>
      id === key || (role === "user" && turnId !== undefined && metadata?.turn_id === turnId);
    return this.chat.messages.some(same);
  }

  #isStopping(): boolean {
    return this.#stopAsked !== undefined && this.#stopAsked === this.#head()?.key;
  }

  #head(): PendingSend | undefined {
    return this.#state.queue[0];
  }

  /** What is to be sent. */
  #next(): PendingSend | undefined {
    return this.#state.gone ? undefined : this.#head();
  }

  #change(send: PendingSend): void {
    if (!this.#state.queue.some(({ key }) => key === send.key)) return;
    this.#world.outbox.put(send);
    this.#set({ queue: this.#state.queue.map((each) => (each.key === send.key ? send : each)) });
  }

  #takeOut({ key }: PendingSend): void {
    this.#drop(key);
    this.chat.messages = this.chat.messages.filter(({ id }) => id !== key);
    // It may have been taken all the same.
    void this.refresh();
    this.#wait.end();
    void this.deliver();
  }

  #drop(key: string): void {
    this.#world.outbox.remove(key);
    this.#set({ queue: this.#state.queue.filter((each) => each.key !== key) });
  }

  #phase(phase: Phase): void {
    this.#set({ phase });
  }

  #set(change: Partial<SessionState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function spoken({ key, text, turnId, writtenAt }: PendingSend): ChatMessage {
  return {
    id: key,
    role: "user",
    parts: [{ type: "text", text }],
    metadata: { turn_id: turnId, created_at: new Date(writtenAt).toISOString() },
  };
}
