"use client";

import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useSession } from "@/hooks/use-session";
import { getSubject, SIGNED_OUT_EVENT } from "@/lib/api/token";
import { forgetTyped } from "@/lib/person";
import { afterSignOut, isLeaving, SESSION_CHANNEL, SIGN_IN } from "@/lib/sign-out";

/**
 * Leaves the page when the session ends, here or in another tab, or becomes somebody else's. What
 * was typed and not sent does not stay behind when the person signs out.
 */
export function SessionGuard() {
  const { userId } = useSession();
  const cache = useQueryClient();
  useEffect(() => {
    const leave = () => {
      if (isLeaving()) return;
      cache.clear();
      location.assign(`${SIGN_IN}?ended=1`);
    };
    const check = async () => {
      try {
        if ((await getSubject(true)) !== userId) location.reload();
      } catch {
        // Signed out, which the event tells, or not reachable, which concerns others.
      }
    };
    const channel = new BroadcastChannel(SESSION_CHANNEL);
    channel.addEventListener("message", check);
    addEventListener(SIGNED_OUT_EVENT, leave);
    return () => {
      channel.close();
      removeEventListener(SIGNED_OUT_EVENT, leave);
    };
  }, [cache, userId]);
  useEffect(() => afterSignOut(() => forgetTyped(userId)), [userId]);
  return null;
}
