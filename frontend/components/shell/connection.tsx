"use client";

import { CloudOff, RefreshCw } from "lucide-react";
import { useConnection } from "@/components/live-provider";

/** Says so when the page is cut off; nothing while all is well. */
export function Connection() {
  const state = useConnection();
  return (
    <div role="status" className="min-w-0 text-sm">
      {state === "offline" && (
        <span className="flex items-center gap-2 rounded-full bg-warning-soft px-3 py-1 text-warning">
          <CloudOff aria-hidden className="size-4 shrink-0" />
          <span className="truncate">Offline</span>
        </span>
      )}
      {state === "reconnecting" && (
        <span className="flex items-center gap-2 rounded-full bg-sunken px-3 py-1 text-muted">
          <RefreshCw aria-hidden className="size-4 shrink-0 animate-spin" />
          <span className="truncate">Reconnecting</span>
        </span>
      )}
    </div>
  );
}
