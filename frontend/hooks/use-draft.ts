"use client";

import { useEffect, useRef, useState } from "react";
import { useSession } from "@/hooks/use-session";
import { Drafts } from "@/lib/chat/drafts";
import { browserStorage } from "@/lib/chat/storage";

/** What is typed in a conversation, kept over reloads; without an id, in one that is yet to begin. */
export function useDraft(conversationId: string | undefined) {
  const { userId } = useSession();
  const [drafts] = useState(() => new Drafts(userId, browserStorage()));
  const [text, setText] = useState(() => drafts.read(conversationId));
  const kept = useRef(conversationId);
  useEffect(() => {
    if (kept.current !== conversationId) {
      // The conversation has begun: what is typed by now belongs to it.
      drafts.write(kept.current, "");
      kept.current = conversationId;
    }
    drafts.write(conversationId, text);
  }, [drafts, conversationId, text]);
  return [text, setText] as const;
}
