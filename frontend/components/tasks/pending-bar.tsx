"use client";

import { CloudUpload } from "lucide-react";
import { useConnection, useTaskStore } from "@/components/live-provider";
import { useWaiting } from "@/hooks/use-tasks";
import { count } from "@/lib/tasks/format";

/** Says that changes wait to be sent. */
export function PendingBar() {
  const connection = useConnection();
  const { outbox } = useTaskStore();
  const { pending, stuck } = useWaiting();
  const waits = pending.length > 0 && (stuck || connection === "offline");
  const changes = `${count(pending.length, "change")} ${pending.length === 1 ? "waits" : "wait"}`;
  return (
    <div role="status" className="empty:-mt-3">
      {waits && (
        <p className="flex items-center gap-2 rounded-md bg-warning-soft px-3 py-2 text-sm">
          <CloudUpload aria-hidden className="size-4 shrink-0 text-warning" />
          <span className="min-w-0 flex-1">
            {connection === "offline"
              ? `You are offline. ${changes} here and will be sent when you are back.`
              : `${changes} to be sent.`}
          </span>
          {connection !== "offline" && (
            <button
              type="button"
              onClick={() => outbox.resume()}
              className="h-7 rounded-sm px-2 font-medium text-accent hover:bg-accent-soft"
            >
              Send now
            </button>
          )}
        </p>
      )}
    </div>
  );
}
