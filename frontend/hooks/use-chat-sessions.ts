"use client";

import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useConnection, useLiveEvents } from "@/components/live-provider";
import { detectedZone } from "@/hooks/use-profile";
import { useSession } from "@/hooks/use-session";
import { api, newKey } from "@/lib/api/client";
import type { Profile } from "@/lib/api/types";
import { Outbox } from "@/lib/chat/outbox";
import { ChatSessions } from "@/lib/chat/sessions";
import { browserStorage } from "@/lib/chat/storage";
import { keys } from "@/lib/query-keys";

/** One for each person, and thus one sender: whoever shows or sends what is said shares it. */
const kept = new Map<string, ChatSessions>();

/**
 * The person's conversations, which go on for as long as something that uses them is there. Only in
 * the browser.
 */
export function useChatSessions(): ChatSessions {
  const { userId } = useSession();
  const cache = useQueryClient();
  const connection = useConnection();
  const [sessions] = useState(() => sessionsOf(userId, cache));

  useEffect(() => sessions.resume(), [sessions]);
  useEffect(() => {
    if (connection === "online") sessions.wake();
  }, [connection, sessions]);
  useEffect(() => {
    const wake = () => sessions.wake();
    const removed = ({ newValue }: StorageEvent) => {
      if (newValue === null) sessions.noticeGone();
    };
    addEventListener("online", wake);
    addEventListener("storage", removed);
    return () => {
      removeEventListener("online", wake);
      removeEventListener("storage", removed);
    };
  }, [sessions]);

  useLiveEvents("chat", (event) => sessions.heard(event));
  useLiveEvents("resync", () => sessions.refresh());
  return sessions;
}

function sessionsOf(userId: string, cache: QueryClient): ChatSessions {
  const known = kept.get(userId);
  if (known) return known;
  const sessions = new ChatSessions({
    userId,
    outbox: new Outbox(userId, browserStorage()),
    api,
    isOnline: () => navigator.onLine,
    timeZone: () => {
      const profile = cache.getQueryData<Profile>(keys.profile);
      return profile?.time_zone_set ? profile.time_zone : detectedZone();
    },
    now: () => Date.now(),
    newKey,
  });
  kept.set(userId, sessions);
  return sessions;
}
