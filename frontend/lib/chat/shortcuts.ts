import { browserStorage, keep } from "./storage";

/** A shortcut as the dialog lists it. */
export interface Shortcut {
  keys: readonly string[];
  label: string;
}

export const CHAT_SHORTCUTS: readonly Shortcut[] = [
  { keys: ["/"], label: "Go to the message box" },
  { keys: ["Enter"], label: "Send" },
  { keys: ["Shift", "Enter"], label: "Begin a new line" },
  { keys: ["↑"], label: "In an empty box: take your last message to say it again" },
  { keys: ["Esc"], label: "Stop the answer, or leave the message box" },
  { keys: ["?"], label: "Show these shortcuts" },
];

const SETTING = "chat/single-keys";

/**
 * Whether keys such as `/` alone do something. Whoever dictates or has tremor can turn that off,
 * as WCAG 2.1.4 asks.
 */
export function singleKeysOn(): boolean {
  return browserStorage()?.getItem(SETTING) !== "off";
}

export function setSingleKeys(on: boolean): void {
  keep(browserStorage(), SETTING, on ? undefined : "off");
}
