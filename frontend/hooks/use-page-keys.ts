"use client";

import { useEffect, useEffectEvent } from "react";
import { singleKeysOn } from "@/lib/chat/shortcuts";

/** Calls `handler` for keys pressed alone while nothing is being typed and no dialog is open. */
export function usePageKeys(handler: (key: string) => boolean): void {
  const pressed = useEffectEvent((event: KeyboardEvent) => {
    const modified = event.ctrlKey || event.metaKey || event.altKey;
    if (modified || event.defaultPrevented || event.isComposing) return;
    if (isTyping(event.target) || document.querySelector("[role=dialog]") || !singleKeysOn())
      return;
    if (handler(event.key)) event.preventDefault();
  });
  useEffect(() => {
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.matches("input, textarea, select, [role=menu] *");
}
