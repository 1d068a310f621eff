"use client";

import { Search, SquarePen } from "lucide-react";
import { useDeferredValue, useEffect, useState, useSyncExternalStore } from "react";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/field";
import { useConversations } from "@/hooks/use-conversations";
import type { ChatSession } from "@/lib/chat/session";
import type { Named } from "./chat-room";
import { ConversationRow } from "./conversation-row";

interface Props {
  current: ChatSession;
  onOpen: (conversationId: string) => void;
  onNew: () => void;
  onRename: (conversation: Named) => void;
  onDelete: (conversation: Named) => void;
}

/** How long after the last letter a search begins, in milliseconds. */
const TYPED = 250;

/** All conversations, newest first, and a search through what was said in them. */
export function ConversationList({ current, onNew, ...actions }: Props) {
  const [typed, setTyped] = useState("");
  const search = useSettled(typed.trim());
  const { conversations, error, isPending, isPlaceholderData, hasNextPage, ...list } =
    useConversations(search);
  const shown = useDeferredValue(conversations);
  const { conversationId } = useSyncExternalStore(current.subscribe, current.state, current.state);
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex flex-col gap-2 p-3">
        <Button onClick={() => onNew()} className="w-full justify-start">
          <SquarePen aria-hidden className="size-4" />
          New conversation
        </Button>
        <div className="relative">
          <Search
            aria-hidden
            className="pointer-events-none absolute top-1/2 left-3 size-4 -translate-y-1/2 text-muted"
          />
          <Input
            type="search"
            aria-label="Search conversations"
            placeholder="Search"
            maxLength={200}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            className="pl-9"
          />
        </div>
      </div>
      <nav
        aria-label="Conversations"
        aria-busy={isPending || isPlaceholderData}
        className="min-h-0 flex-1 overflow-y-auto px-3 pb-3"
      >
        <ul className="flex flex-col gap-0.5">
          {shown.map((conversation) => (
            <ConversationRow
              key={conversation.conversation_id}
              conversation={conversation}
              current={conversation.conversation_id === conversationId}
              {...actions}
            />
          ))}
        </ul>
        {error && (
          <p role="alert" className="px-2 py-3 text-danger text-sm">
            {error.message}{" "}
            <button type="button" className="underline" onClick={() => list.refetch()}>
              Try again
            </button>
          </p>
        )}
        {!error && !isPending && shown.length === 0 && (
          <p className="px-2 py-3 text-muted text-sm">
            {search ? `Nothing found for “${search}”.` : "Your conversations will be listed here."}
          </p>
        )}
        {hasNextPage && (
          <Button
            tone="ghost"
            size="sm"
            busy={list.isFetchingNextPage}
            onClick={() => list.fetchNextPage()}
            className="mt-2 w-full"
          >
            Show older ones
          </Button>
        )}
      </nav>
    </div>
  );
}

/** A value once it has not changed for a moment. */
function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), TYPED);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
