/** Changes that wait, kept in this browser so that a reload or a closed tab loses none. */

import type { Store } from "./outbox";
import type { Pending } from "./pending";

/** What waits is stored one item each, so that tabs do not overwrite one another. */
function prefix(userId: string): string {
  return `todo.waiting.${userId}.`;
}

/**
 * The store of one person. Two tabs may both send what they find: the backend does a thing once
 * under one key. A browser that stores nothing for us works too, until the tab is closed.
 */
export function storedOutbox(userId: string, storage = browserStorage()): Store {
  const start = prefix(userId);
  const attempt = (action: () => void) => {
    try {
      action();
    } catch {
      // Full, or switched off: the change still waits in memory.
    }
  };
  return {
    load() {
      const found: Pending[] = [];
      attempt(() => {
        for (const name of names(storage, start)) {
          const pending = parse(storage?.getItem(name) ?? "");
          if (pending) found.push(pending);
        }
      });
      return found.sort((one, other) => one.made.localeCompare(other.made));
    },
    put: (pending) => attempt(() => storage?.setItem(start + pending.key, JSON.stringify(pending))),
    remove: (key) => attempt(() => storage?.removeItem(start + key)),
  };
}

/** Forgets everything that waits for a person who is no more. */
export function forgetOutbox(userId: string, storage = browserStorage()): void {
  for (const name of names(storage, prefix(userId))) storage?.removeItem(name);
}

function names(storage: Storage | null, start: string): string[] {
  const all = Array.from({ length: storage?.length ?? 0 }, (_, n) => storage?.key(n) ?? "");
  return all.filter((name) => name.startsWith(start));
}

function parse(text: string): Pending | null {
  try {
    const pending = JSON.parse(text) as Pending;
    return pending.key && pending.change?.kind ? pending : null;
  } catch {
    return null;
  }
}

function browserStorage(): Storage | null {
  try {
    return typeof window === "undefined" ? null : window.localStorage;
  } catch {
    return null;
  }
}
