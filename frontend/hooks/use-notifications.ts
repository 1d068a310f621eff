"use client";

import { useCallback, useEffect, useState } from "react";
import { useSession } from "@/hooks/use-session";
import { permission, showReminder } from "@/lib/notifications/notify";
import { currentSubscription, NoPushError, subscribe, unsubscribe } from "@/lib/notifications/push";

/** What this browser does about reminders. */
export interface Notifications {
  /** Null where the browser has no notifications; undefined until it is known. */
  allowed: NotificationPermission | null | undefined;
  /** Reminders come here while no page is open. */
  subscribed: boolean;
  busy: boolean;
  /** What went wrong, in a sentence. */
  problem: string | null;
  /** The browser took one to try. Whether it is seen, the system decides. */
  tested: boolean;
  turnOn: () => void;
  turnOff: () => void;
  test: () => void;
}

export function useNotifications(): Notifications {
  const { userId } = useSession();
  const [allowed, setAllowed] = useState<NotificationPermission | null>();
  const [subscribed, setSubscribed] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [tested, setTested] = useState(false);

  const look = useCallback(async () => {
    setAllowed(permission());
    setSubscribed((await currentSubscription()) !== null);
  }, []);
  useEffect(() => {
    void look();
  }, [look]);

  async function attempt(action: () => Promise<void>) {
    setBusy(true);
    setProblem(null);
    setTested(false);
    try {
      await action();
    } catch (error) {
      setProblem(sentence(error));
    }
    await look();
    setBusy(false);
  }

  return {
    allowed,
    subscribed,
    busy,
    problem,
    tested,
    turnOn: () =>
      void attempt(async () => {
        if ((await Notification.requestPermission()) === "granted") await subscribe(userId);
      }),
    turnOff: () => void attempt(() => unsubscribe(userId)),
    test: () =>
      void attempt(async () => {
        await showReminder(userId, { task_id: "", title: "Reminders look like this", sequence: 0 });
        setTested(true);
      }),
  };
}

function sentence(error: unknown): string {
  if (error instanceof NoPushError) {
    return "Reminders show while a page is open. With no page open they cannot come: push is not set up on this server.";
  }
  if (error instanceof DOMException) {
    return "This browser's push service did not answer. Reminders show while a page is open; try again later for the rest.";
  }
  return error instanceof Error ? error.message : "That did not work. Try again.";
}
