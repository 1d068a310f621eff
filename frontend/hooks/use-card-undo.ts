"use client";

import { useMutation } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useToast } from "@/components/ui/toast";
import { useSession } from "@/hooks/use-session";
import { ApiError, api } from "@/lib/api/client";
import type { Undone } from "@/lib/api/types";
import { browserStorage } from "@/lib/chat/storage";
import type { ChatMessage } from "@/lib/chat/types";
import { type Change, type Undoable, undoable } from "@/lib/chat/undo";
import { UndoneCards } from "@/lib/chat/undone";

/** What was undone in this browser, and what the backend would not undo; by the names of cards. */
interface Undos {
  undone: ReadonlySet<string>;
  refused: ReadonlyMap<string, string>;
}

export interface CardUndo {
  /** The state of each card that changed something. */
  cards: (messages: ChatMessage[]) => Map<string, Undoable>;
  undo: (change: Change) => void;
  /** The card whose change is being taken back at the moment. */
  busy: string | undefined;
}

/** Undo for cards. Above the conversations, so that it is remembered from one to the other. */
export function useCardUndo(): CardUndo {
  const { userId } = useSession();
  const toast = useToast();
  const [kept] = useState(() => new UndoneCards(userId, browserStorage()));
  const [undos, setUndos] = useState<Undos>(() => ({ undone: kept.read(), refused: new Map() }));
  const { mutate, variables, isPending } = useMutation({
    mutationFn: ({ task_id, updated_at }: Change) =>
      api<Undone>("POST", `/api/${userId}/undo?${new URLSearchParams({ task_id, updated_at })}`),
    onSuccess: (_, { card }) => {
      kept.add(card);
      setUndos((before) => ({ ...before, undone: new Set([...before.undone, card]) }));
    },
    onError: (error, { card }) => {
      if (error instanceof ApiError && error.status === 409) {
        const reason = error.detail;
        setUndos((before) => ({
          ...before,
          refused: new Map([...before.refused, [card, reason]]),
        }));
      } else {
        toast.show({ title: `Not undone: ${error.message}`, tone: "danger" });
      }
    },
  });
  const busy = isPending ? variables.card : undefined;
  return useMemo(
    () => ({
      cards: (messages) => undoable(messages, undos.undone, undos.refused),
      undo: mutate,
      busy,
    }),
    [undos, mutate, busy],
  );
}
