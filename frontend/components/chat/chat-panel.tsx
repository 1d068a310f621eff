"use client";

import { Spinner } from "@/components/ui/spinner";
import { useInBrowser } from "@/hooks/use-in-browser";
import { ChatRoom } from "./chat-room";

/** The chat: conversations, what was said, and where to say something. */
export function ChatPanel() {
  // What is on its way and what is typed stand in the browser's storage, which no server has.
  const inBrowser = useInBrowser();
  return (
    <section aria-label="Chat" className="@container flex min-h-0 flex-1">
      {inBrowser ? (
        <ChatRoom />
      ) : (
        <p className="m-auto flex items-center gap-2 text-muted text-sm">
          <Spinner /> Loading
        </p>
      )}
    </section>
  );
}
