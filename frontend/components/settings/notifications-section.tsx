"use client";

import { BellOff, BellRing } from "lucide-react";
import { useId } from "react";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { Switch } from "@/components/ui/switch";
import { useNotifications } from "@/hooks/use-notifications";
import { Section } from "./section";

/** Whether reminders come to this browser when nobody looks at the page. */
export function NotificationsSection() {
  const { allowed, subscribed, busy, problem, tested, turnOn, turnOff, test } = useNotifications();
  const id = useId();
  return (
    <Section
      title="Notifications"
      detail="Reminders always show on an open page. Here you decide about this browser's notifications."
    >
      {allowed === null && (
        <Notice icon={<BellOff aria-hidden className="mt-0.5 size-4" />}>
          This browser has no notifications. On an iPhone or iPad, add the page to the home screen
          first.
        </Notice>
      )}
      {allowed === "denied" && (
        <Notice tone="warning" icon={<BellOff aria-hidden className="mt-0.5 size-4" />}>
          Notifications are blocked. Allow them for this page in your browser's settings, then
          reload.
        </Notice>
      )}
      {problem && <Notice tone="warning">{problem}</Notice>}
      {allowed && allowed !== "denied" && (
        <div className="flex items-center gap-4">
          <div className="min-w-0 flex-1">
            <p id={id} className="font-medium text-sm">
              Reminders in this browser
            </p>
            <p id={`${id}-hint`} className="text-muted text-sm">
              Also while no page is open. Only the title of a task is sent.
            </p>
          </div>
          <Switch
            checked={subscribed}
            onChange={(on) => (on ? turnOn() : turnOff())}
            disabled={busy}
            aria-labelledby={id}
            aria-describedby={`${id}-hint`}
          />
        </div>
      )}
      {allowed === "granted" && (
        <Button size="sm" className="self-start" onClick={test} disabled={busy}>
          <BellRing aria-hidden className="size-4" />
          Show one to try
        </Button>
      )}
      {tested && (
        <Notice>
          One was shown. If you saw nothing, your device holds notifications of this browser back:
          see its settings, and whether “Do not disturb” is on.
        </Notice>
      )}
    </Section>
  );
}
