import { browserStorage, keep } from "./storage";

/** A shortcut as the dialog lists it. */
export interface Shortcut {
  keys: readonly string[];
  label: string;
}

/** Keys that work alone, wherever the focus is. */
export const PAGE_SHORTCUTS: readonly Shortcut[] = [
  { keys: ["/"], label: "Go to the message box" },
  { keys: ["?"], label: "Show these shortcuts" },
];

export const CHAT_SHORTCUTS: readonly Shortcut[] = [
  { keys: ["Enter"], label: "Send" },
  { keys: ["Shift", "Enter"], label: "Begin a new line" },
  { keys: ["↑"], label: "In an empty box: take your last message to say it again" },
  { keys: ["Esc"], label: "Stop the answer, or leave the message box" },
];

const SETTING = "chat/single-keys";

/**
 * Whether the keys of `PAGE_SHORTCUTS` do something. Whoever dictates or has tremor can turn them
 * off, as WCAG 2.1.4 asks; keys that need the focus somewhere are no matter of it.
 */
export function singleKeysOn(): boolean {
  return browserStorage()?.getItem(SETTING) !== "off";
}

export function setSingleKeys(on: boolean): void {
  keep(browserStorage(), SETTING, on ? undefined : "off");
}
