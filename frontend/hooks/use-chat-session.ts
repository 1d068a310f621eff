"use client";

import { useChat } from "@ai-sdk/react";
import { useEffect, useSyncExternalStore } from "react";
import type { ChatSession } from "@/lib/chat/session";

/** Between two paints of an answer that comes in, in milliseconds. */
const PAINT = 50;

/** What a conversation shows at the moment. Reads its newest messages if that was not done yet. */
export function useChatSession(session: ChatSession) {
  const { messages } = useChat({ chat: session.chat, experimental_throttle: PAINT });
  const state = useSyncExternalStore(session.subscribe, session.state, session.state);
  useEffect(() => {
    void session.load();
  }, [session]);
  return { messages, ...state };
}
