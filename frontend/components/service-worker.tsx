"use client";

import { useEffect } from "react";
import { useSession } from "@/hooks/use-session";
import { permission } from "@/lib/notifications/notify";
import { currentSubscription, subscribe, unsubscribe } from "@/lib/notifications/push";
import { afterSignOut } from "@/lib/sign-out";

/**
 * Registers the service worker, tells the backend of this browser's subscription anew (it may have
 * changed while nobody looked), and ends that when the person signs out.
 */
export function ServiceWorker() {
  const { userId } = useSession();
  useEffect(() => {
    if (!("serviceWorker" in navigator)) return;
    const register = async () => {
      await navigator.serviceWorker.register("/sw.js", { updateViaCache: "none" });
      if (permission() === "granted" && (await currentSubscription())) await subscribe(userId);
    };
    register().catch(() => {
      // Without it the page works, but not without a connection.
    });
    return afterSignOut(() => unsubscribe(userId));
  }, [userId]);
  return null;
}
