"use client";

import { usePathname, useSearchParams } from "next/navigation";
import { useCallback, useEffect, useState } from "react";
import { useSession } from "@/hooks/use-session";
import type { ChatSession } from "@/lib/chat/session";
import type { ChatSessions } from "@/lib/chat/sessions";
import { browserStorage, chatPrefix, keep } from "@/lib/chat/storage";

const PARAM = "c";
/** The parameter's value for a conversation that is yet to begin. */
const NEW = "new";

export interface Selection {
  session: ChatSession;
  open: (conversationId: string) => void;
  openNew: () => void;
  /** Shows a conversation that may not have a name yet. */
  show: (session: ChatSession) => void;
}

/**
 * Which conversation shows: the one in the address, so that a reload and the browser's back button
 * do what they should; without one the last that was open here.
 */
export function useSelection(sessions: ChatSessions): Selection {
  const { userId } = useSession();
  const path = usePathname();
  const asked = useSearchParams().get(PARAM) ?? undefined;
  const [fresh, setFresh] = useState(() => sessions.unnamed() ?? sessions.fresh());
  const [last] = useState(() => lastOpen(userId).read());

  const begun = fresh.state().conversationId;
  const id =
    asked === NEW ? undefined : (asked ?? (fresh.state().queue.length > 0 ? undefined : last));
  // A conversation that has just been named keeps its session, and with it what is typed and shown.
  const session = !id || id === begun ? fresh : sessions.open(id);

  const go = useCallback(
    (value: string, how: "pushState" | "replaceState" = "pushState") =>
      window.history[how](null, "", `${path}?${PARAM}=${encodeURIComponent(value)}`),
    [path],
  );
  const open = useCallback((conversationId: string) => go(conversationId), [go]);
  const openNew = useCallback(() => {
    setFresh(sessions.fresh());
    go(NEW);
  }, [go, sessions]);
  const show = useCallback(
    (other: ChatSession) => {
      const { conversationId } = other.state();
      if (!conversationId) setFresh(other);
      go(conversationId ?? NEW);
    },
    [go],
  );

  useEffect(() => {
    sessions.onStarted = (started) => {
      const { conversationId } = started.state();
      if (started === session && conversationId) go(conversationId, "replaceState");
    };
    return () => {
      sessions.onStarted = undefined;
    };
  }, [sessions, session, go]);
  useEffect(() => {
    lastOpen(userId).write(asked === NEW ? undefined : id);
  }, [userId, asked, id]);

  return { session, open, openNew, show };
}

function lastOpen(userId: string) {
  const name = `${chatPrefix(userId)}open`;
  return {
    read: () => browserStorage()?.getItem(name) ?? undefined,
    write: (id: string | undefined) => keep(browserStorage(), name, id),
  };
}
