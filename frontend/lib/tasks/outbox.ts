/**
 * Sends changes one after the other, in the order they were made. A change that cannot be sent now
 * waits, through reloads too, and goes out under the same idempotency key when it can; one that is
 * refused is given back.
 */

import type { Change, Pending } from "./pending";
import { subjectOf } from "./pending";

/** What became of an attempt to send. */
export type Attempt<Answer> =
  | { kind: "answered"; answer: Answer }
  /** It will never be taken; the sentence says why. */
  | { kind: "refused"; reason: string; gone: boolean }
  /** Not now; after these milliseconds if the backend said so. */
  | { kind: "later"; after: number | null };

/** Where waiting changes are kept. */
export interface Store {
  load(): Pending[];
  put(pending: Pending): void;
  remove(key: string): void;
}

export interface Parts<Answer> {
  send(pending: Pending): Promise<Attempt<Answer>>;
  answered(pending: Pending, answer: Answer): void;
  refused(pending: Pending, reason: string, gone: boolean): void;
  /** The id the backend gave to the task of an answered `add`. */
  idOf(answer: Answer): string | null;
  store: Store;
  newKey(): string;
  now(): Date;
  /** Calls back after so many milliseconds; answers how to call it off. */
  wait(ms: number, then: () => void): () => void;
}

export interface Waiting {
  pending: readonly Pending[];
  /** The last attempt did not get through. */
  stuck: boolean;
}

const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 30_000;

export class Outbox<Answer> {
  private state: Waiting;
  private readonly listeners = new Set<() => void>();
  private sending: string | null = null;
  private pause = FIRST_PAUSE;
  private callOff: (() => void) | null = null;
  private closed = false;
  /** Backend ids by the temporary ones. */
  private readonly ids = new Map<string, string>();

  constructor(private readonly parts: Parts<Answer>) {
    this.state = { pending: parts.store.load(), stuck: false };
  }

  /** What waits; the same object until something changes. */
  snapshot = (): Waiting => this.state;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** The backend's id of a task that was added under a temporary one. */
  resolve(id: string): string {
    return this.ids.get(id) ?? id;
  }

  /** Makes a change. */
  add(change: Change, title: string): Pending {
    const made = this.parts.now().toISOString();
    const pending: Pending = { key: this.parts.newKey(), change: this.named(change), title, made };
    this.parts.store.put(pending);
    this.set([...this.state.pending, pending], this.state.stuck);
    this.go();
    return pending;
  }

  /** Calls off a change that has not been sent yet, with all later ones of the same new task. */
  cancel(key: string): boolean {
    const pending = this.state.pending.find((each) => each.key === key);
    if (!pending || this.sending === key) return false;
    const adds = pending.change.kind === "add";
    const subject = subjectOf(pending);
    const goes = (each: Pending) => each.key === key || (adds && subjectOf(each) === subject);
    for (const each of this.state.pending.filter(goes)) this.parts.store.remove(each.key);
    this.set(
      this.state.pending.filter((each) => !goes(each)),
      this.state.stuck,
    );
    return true;
  }

  /** Tries at once, as the way may be open again. */
  resume(): void {
    this.callOff?.();
    this.callOff = null;
    this.pause = FIRST_PAUSE;
    this.go();
  }

  /** Sends nothing more; what waits stays stored. */
  close(): void {
    this.closed = true;
    this.callOff?.();
  }

  private go(): void {
    if (this.closed || this.sending !== null || this.callOff) return;
    const [next] = this.state.pending;
    if (!next) return;
    this.sending = next.key;
    void this.parts.send(next).then((attempt) => {
      this.sending = null;
      if (!this.closed) this.after(next, attempt);
    });
  }

  private after(sent: Pending, attempt: Attempt<Answer>): void {
    if (attempt.kind === "later") {
      const pause = attempt.after ?? this.pause;
      this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
      this.callOff = this.parts.wait(pause, () => {
        this.callOff = null;
        this.go();
      });
      this.set(this.state.pending, true);
      return;
    }
    this.pause = FIRST_PAUSE;
    this.parts.store.remove(sent.key);
    let rest = this.state.pending.filter((each) => each.key !== sent.key);
    if (attempt.kind === "answered") {
      const id = sent.change.kind === "add" ? this.parts.idOf(attempt.answer) : null;
      if (id !== null) {
        this.ids.set(subjectOf(sent), id);
        rest = rest.map((each) => this.renamed(each));
      }
      // Before the change stops being laid over: nothing flickers in between.
      this.parts.answered(sent, attempt.answer);
      this.set(rest, false);
    } else {
      const lost = sent.change.kind === "add" ? subjectOf(sent) : null;
      for (const each of rest.filter((later) => subjectOf(later) === lost)) {
        this.parts.store.remove(each.key);
      }
      this.set(
        rest.filter((later) => subjectOf(later) !== lost),
        false,
      );
      this.parts.refused(sent, attempt.reason, attempt.gone);
    }
    this.go();
  }

  private renamed(pending: Pending): Pending {
    const change = this.named(pending.change);
    if (change === pending.change) return pending;
    const renamed = { ...pending, change };
    this.parts.store.put(renamed);
    return renamed;
  }

  private named(change: Change): Change {
    if (change.kind === "add") return change;
    const id = this.resolve(change.id);
    return id === change.id ? change : { ...change, id };
  }

  private set(pending: readonly Pending[], stuck: boolean): void {
    this.state = { pending, stuck: stuck && pending.length > 0 };
    for (const listener of this.listeners) listener();
  }
}
