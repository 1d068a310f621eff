"use client";

import { Globe, X } from "lucide-react";
import { useState } from "react";
import { IconButton } from "@/components/ui/icon-button";
import { useToast } from "@/components/ui/toast";
import { detectedZone, useProfile, useSetZone } from "@/hooks/use-profile";
import { browserStorage, keep } from "@/lib/chat/storage";
import { sameClock, zoneLabel } from "@/lib/zones";

/** Under this the zone is kept for which somebody wanted no hint. */
const DISMISSED = "todo.zone-hint";

/** Says whose clock the times are of, where this browser's shows something else. */
export function ZoneHint() {
  const { data: profile } = useProfile();
  const { mutate, isPending } = useSetZone();
  const toast = useToast();
  const here = detectedZone();
  const [dismissed, setDismissed] = useState(() => browserStorage()?.getItem(DISMISSED) === here);
  if (dismissed || !profile?.time_zone_set) return null;
  if (sameClock(here, profile.time_zone, Date.now())) return null;

  function dismiss() {
    setDismissed(true);
    // Where nothing is kept it comes again after a reload.
    keep(browserStorage(), DISMISSED, here);
  }

  const use = () =>
    mutate(here, {
      onSuccess: () => toast.show({ title: `Your time zone is ${zoneLabel(here)}.` }),
      onError: ({ message }) =>
        toast.show({ tone: "danger", title: "Time zone not changed", detail: message }),
    });

  return (
    <div className="flex items-center gap-2 text-muted text-xs">
      <Globe aria-hidden className="size-4 shrink-0" />
      <p className="min-w-0 flex-1">
        Times are those of {zoneLabel(profile.time_zone)}.{" "}
        <button
          type="button"
          disabled={isPending}
          onClick={use}
          className="min-h-6 rounded-sm font-medium text-accent underline-offset-2 hover:underline"
        >
          Use {zoneLabel(here)}
        </button>
      </p>
      <IconButton
        label="Keep the time zone"
        title="Keep it"
        icon={<X />}
        size="sm"
        onClick={dismiss}
      />
    </div>
  );
}
