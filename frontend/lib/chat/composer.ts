/** Longest message the backend takes, in characters. */
export const LONGEST = 4_000;
/** From here on the composer shows how much room is left. */
export const COUNT_FROM = 3_600;

/** How long a message is by the backend's count: characters, not UTF-16 units, after trimming. */
export function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text.trim()) length += 1;
  return length;
}

/** What a key means in the composer. */
export type KeyAction = "send" | "edit-last" | "escape";

interface Key {
  key: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
  /** An input method is putting a character together: its Enter chooses, it does not send. */
  isComposing: boolean;
  keyCode: number;
}

/** What a key pressed in the composer does; undefined leaves it to the browser. */
export function keyAction(key: Key, text: string): KeyAction | undefined {
  // Safari ends the composition before it tells of the Enter that ended it; 229 gives it away.
  if (key.isComposing || key.keyCode === 229) return undefined;
  const plain = !key.shiftKey && !key.ctrlKey && !key.altKey && !key.metaKey;
  if (key.key === "Enter" && plain) return "send";
  if (key.key === "ArrowUp" && plain && text === "") return "edit-last";
  if (key.key === "Escape" && plain) return "escape";
  return undefined;
}
