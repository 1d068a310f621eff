"use client";

import dynamic from "next/dynamic";
import { usePathname } from "next/navigation";
import { useInBrowser } from "@/hooks/use-in-browser";

/** Where the chat shows, which keeps its conversations going itself. */
const CHAT = "/";

// A page without a chat does without this too: then the chat's own page sends what waits.
const ChatKeeper = dynamic(() =>
  import("./chat-keeper").then(
    (module) => module.ChatKeeper,
    () => () => null,
  ),
);

/** Has the chat go on, and send what waits, on pages that do not show it. */
export function ChatBehind() {
  const path = usePathname();
  const inBrowser = useInBrowser();
  return inBrowser && path !== CHAT ? <ChatKeeper /> : null;
}
