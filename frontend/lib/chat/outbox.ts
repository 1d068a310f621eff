import { chatPrefix, keep } from "./storage";
import type { PendingSend } from "./types";

type Store = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

/** Older than this, "tomorrow" may mean another day than it did: ask before sending. */
export const STALE_AFTER = 12 * 3600_000;

/**
 * What was written and is not answered yet, in the browser's storage: a reload or a lost
 * connection goes on under the same keys. An entry for each, so that tabs do not overwrite each
 * other's; what one tab removes no other sends.
 */
export class Outbox {
  readonly #store: Store | undefined;
  readonly #prefix: string;
  /** What is known to have been stored; where nothing can be stored, nothing. */
  readonly #stored = new Set<string>();

  constructor(userId: string, store: Store | undefined) {
    this.#store = store;
    this.#prefix = `${chatPrefix(userId)}send/`;
  }

  /** Everything that waits, in the order it was written. */
  all(): PendingSend[] {
    const found: PendingSend[] = [];
    for (let n = 0; n < (this.#store?.length ?? 0); n++) {
      const name = this.#store?.key(n);
      if (!name?.startsWith(this.#prefix)) continue;
      const send = parse(this.#store?.getItem(name));
      if (!send) continue;
      this.#stored.add(send.key);
      found.push(send);
    }
    return found.sort((one, other) => one.writtenAt - other.writtenAt);
  }

  /** Keeps a message, or what has changed of it; what another tab has removed stays so. */
  put(send: PendingSend): void {
    if (this.isGone(send.key)) return;
    // Where nothing is kept it is sent all the same, and only a reload would lose it.
    const name = this.#prefix + send.key;
    keep(this.#store, name, JSON.stringify(send));
    if (this.#store?.getItem(name)) this.#stored.add(send.key);
  }

  /** Whether another tab has removed it: it was taken back there, or answered. */
  isGone(key: string): boolean {
    return this.#stored.has(key) && this.#store?.getItem(this.#prefix + key) === null;
  }

  remove(key: string): void {
    this.#store?.removeItem(this.#prefix + key);
    this.#stored.delete(key);
  }
}

/** Whether a message has waited so long that the person should say again that it is meant. */
export function isStale(send: PendingSend, now: number): boolean {
  return send.turnId === undefined && now - (send.meantAt ?? send.writtenAt) > STALE_AFTER;
}

function parse(text: string | null | undefined): PendingSend | undefined {
  try {
    const send = JSON.parse(text ?? "") as PendingSend;
    const whole = [send.key, send.threadId, send.text].every((each) => typeof each === "string");
    return whole && typeof send.writtenAt === "number" ? send : undefined;
  } catch {
    return undefined;
  }
}
