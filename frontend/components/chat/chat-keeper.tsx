"use client";

import { useChatSessions } from "@/hooks/use-chat-sessions";

/** Keeps the conversations going, and shows nothing. */
export function ChatKeeper() {
  useChatSessions();
  return null;
}
