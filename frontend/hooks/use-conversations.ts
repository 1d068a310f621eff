"use client";

import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { useLiveEvents } from "@/components/live-provider";
import { useSession } from "@/hooks/use-session";
import { api } from "@/lib/api/client";
import type { Conversation, ConversationPage } from "@/lib/api/types";
import {
  type ConversationPages,
  type ListUpdate,
  listed,
  withUpdate,
} from "@/lib/chat/conversation-list";
import { keys } from "@/lib/query-keys";

const PAGE = 30;
/** The backend's list follows what happens within moments; read it after that, in milliseconds. */
const SETTLED = 1_500;

const list = (search: string) => [...keys.conversations, search] as const;

/** The conversations, newest first; with a search those that have its words. */
export function useConversations(search: string) {
  const { userId } = useSession();
  const query = useInfiniteQuery({
    queryKey: list(search),
    queryFn: ({ pageParam: cursor, signal }) => {
      const asked = new URLSearchParams({
        limit: String(PAGE),
        ...(search && { search }),
        ...(cursor && { cursor }),
      });
      return api<ConversationPage>("GET", `/api/${userId}/conversations?${asked}`, { signal });
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (before) => before,
  });
  const conversations = useMemo(() => listed(query.data), [query.data]);
  return { ...query, conversations };
}

/** Keeps the lists right by what the live feed says. Once per page. */
export function useConversationUpdates(): void {
  const { change, readSoon } = useListChange();
  useLiveEvents("chat", (update) => {
    change(update);
    readSoon();
  });
}

/** Renames and deletes; both show at once. */
export function useConversationActions() {
  const { userId } = useSession();
  const { change, readSoon } = useListChange();
  const path = (id: string) => `/api/${userId}/conversations/${encodeURIComponent(id)}`;
  const rename = useMutation({
    mutationFn: ({ conversation_id: id, title }: Pick<Conversation, "conversation_id" | "title">) =>
      api<{ title: string }>("PATCH", path(id), { body: { title } }),
    onSuccess: ({ title }, { conversation_id }) =>
      change({ change: "conversation.renamed", conversation_id, title }),
    onSettled: readSoon,
  });
  const remove = useMutation({
    mutationFn: (conversation_id: string) => api<void>("DELETE", path(conversation_id)),
    onSuccess: (_, conversation_id) => change({ change: "conversation.deleted", conversation_id }),
    onSettled: readSoon,
  });
  return { rename, remove };
}

function useListChange() {
  const cache = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useMemo(() => {
    const change = (update: ListUpdate) => {
      const now = new Date().toISOString();
      const changed = (pages: ConversationPages | undefined) =>
        pages && withUpdate(pages, update, now);
      cache.setQueryData<ConversationPages>(list(""), changed);
    };
    const readSoon = () => {
      clearTimeout(timer.current);
      const read = () => cache.invalidateQueries({ queryKey: keys.conversations });
      timer.current = setTimeout(read, SETTLED);
    };
    return { change, readSoon };
  }, [cache]);
}
