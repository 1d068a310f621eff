"use client";

import { useEffect } from "react";
import { useTaskStore } from "@/components/live-provider";
import { useToast } from "@/components/ui/toast";
import { offerDraft } from "@/lib/tasks/drafts";
import type { Pending } from "@/lib/tasks/pending";

const FAILED: Record<Pending["change"]["kind"], string> = {
  add: "Not added",
  update: "Not changed",
  complete: "Not completed",
  reopen: "Not opened again",
  delete: "Not deleted",
  undo: "Not undone",
};

/** Says which change was refused and why, and hands back what was typed. */
export function TaskRefusals() {
  const store = useTaskStore();
  const toast = useToast();
  useEffect(
    () =>
      store.onRefused(({ pending, reason }) => {
        const { change, title } = pending;
        // A new task goes back to the box it was typed into, an edit when asked for.
        if (change.kind === "add") offerDraft({ id: null, fields: change.task });
        const edit = () => {
          if (change.kind === "update") offerDraft({ id: change.id, fields: change.patch });
        };
        toast.show({
          tone: "danger",
          title: `${FAILED[change.kind]}: ${title}`,
          detail: reason,
          duration: Number.POSITIVE_INFINITY,
          action: change.kind === "update" ? { label: "Edit again", onAction: edit } : undefined,
        });
      }),
    [store, toast],
  );
  return null;
}
