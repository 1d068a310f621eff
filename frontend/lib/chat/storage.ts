/** The browser's storage; undefined where there is none or it is blocked. */
export function browserStorage(): Storage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
}

/** Keeps a value, or removes it where there is none; what finds no room is not kept. */
export function keep(
  store: Pick<Storage, "setItem" | "removeItem"> | undefined,
  name: string,
  value: string | undefined,
): void {
  try {
    if (value === undefined) store?.removeItem(name);
    else store?.setItem(name, value);
  } catch {
    // Full, or not allowed.
  }
}

/** Where this person's chat keeps what it stores: drafts, what is on its way, what was open. */
export function chatPrefix(userId: string): string {
  return `chat/${userId}/`;
}

/** Removes what a person's chat has stored here. */
export function forgetPerson(userId: string, store: Storage | undefined = browserStorage()): void {
  if (!store) return;
  const names = Array.from({ length: store.length }, (_, n) => store.key(n));
  for (const name of names) {
    if (name?.startsWith(chatPrefix(userId))) store.removeItem(name);
  }
}
