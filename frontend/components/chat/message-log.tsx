"use client";

import { ArrowDown } from "lucide-react";
import { Fragment, type ReactNode, useMemo, useState } from "react";
import { Button } from "@/components/ui/button";
import type { CardUndo } from "@/hooks/use-card-undo";
import { useLogScroll } from "@/hooks/use-log-scroll";
import { useZone } from "@/hooks/use-profile";
import type { ChatMessage } from "@/lib/chat/types";
import { cn } from "@/lib/cn";
import { type Day, dayIn } from "@/lib/tasks/days";
import { dayLabel } from "@/lib/tasks/format";
import { AssistantMessage } from "./assistant-message";
import { UserMessage } from "./user-message";

interface Props {
  messages: ChatMessage[];
  /** Whether the newest answer is still coming in. */
  answering: boolean;
  /** What the newest answer asks to be typed. */
  phrase: string | undefined;
  undo: CardUndo;
  hasOlder: boolean;
  onOlder: () => Promise<void>;
  /** Changes whenever the person says something. */
  sent: string | undefined;
  /** What stands below the messages. */
  children: ReactNode;
}

/** Everything that was said, oldest first. Older messages come in when somebody scrolls up. */
export function MessageLog({ messages, answering, phrase, undo, sent, children, ...older }: Props) {
  const { scroller, content, onScroll, away, unread, toEnd } = useLogScroll(messages[0]?.id, sent);
  const zone = useZone();
  const today = dayIn(zone, Date.now());
  const cards = useMemo(() => undo.cards(messages), [undo, messages]);
  const days = useMemo(() => firstOfDay(messages, zone, today), [messages, zone, today]);
  const reader = useMemo(() => ({ zone, today }), [zone, today]);
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <div
        ref={scroller}
        onScroll={onScroll}
        role="log"
        aria-label="Messages"
        aria-live="off"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must get there
        tabIndex={0}
        className="min-h-0 flex-1 overflow-y-auto overscroll-contain [overflow-anchor:none] focus-visible:-outline-offset-2"
      >
        <div ref={content} className="mx-auto flex w-full max-w-3xl flex-col gap-5 px-4 py-5">
          <OlderMessages {...older} />
          {messages.map((message, n) => (
            <Fragment
              key={
                message.metadata?.turn_id
                  ? `${message.metadata.turn_id}/${message.role}`
                  : message.id
              }
            >
              {days.get(message.id) && (
                <DaySeparator day={days.get(message.id) ?? today} today={today} />
              )}
              {message.role === "user" ? (
                <UserMessage message={message} zone={zone} />
              ) : (
                <AssistantMessage
                  message={message}
                  answering={answering && n === messages.length - 1}
                  phrase={n === messages.length - 1 ? phrase : undefined}
                  cards={cards}
                  undo={undo}
                  reader={reader}
                />
              )}
            </Fragment>
          ))}
          {children}
        </div>
      </div>
      {away && (
        <Button
          size="sm"
          onClick={toEnd}
          className={cn(
            "-translate-x-1/2 absolute bottom-3 left-1/2 rounded-full shadow-raised",
            unread && "border-accent text-accent",
          )}
        >
          <ArrowDown aria-hidden className="size-4" />
          Jump to newest
        </Button>
      )}
    </div>
  );
}

function OlderMessages({ hasOlder, onOlder }: Pick<Props, "hasOlder" | "onOlder">) {
  const [state, setState] = useState<"idle" | "reading" | "failed">("idle");
  if (!hasOlder && state === "idle") return null;
  const read = () => {
    setState("reading");
    onOlder().then(
      () => setState("idle"),
      () => setState("failed"),
    );
  };
  // Seen: somebody has scrolled up to it. After a failure it takes a press.
  const observe = (button: HTMLButtonElement | null) => {
    if (!button || state !== "idle") return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && read());
    observer.observe(button);
    return () => observer.disconnect();
  };
  return (
    <Button
      ref={observe}
      tone="ghost"
      size="sm"
      busy={state === "reading"}
      onClick={read}
      className="self-center"
    >
      {state === "failed" ? "Older messages could not be read. Try again" : "Older messages"}
    </Button>
  );
}

function DaySeparator({ day, today }: { day: Day; today: Day }) {
  return (
    <div className="flex items-center gap-3 text-muted text-xs">
      <span aria-hidden className="h-px flex-1 bg-line" />
      <time dateTime={day}>{dayLabel(day, today)}</time>
      <span aria-hidden className="h-px flex-1 bg-line" />
    </div>
  );
}

/** The messages with which a day begins, and which day; nothing while all are of today. */
function firstOfDay(messages: ChatMessage[], zone: string, today: Day): Map<string, Day> {
  const days = new Map<string, Day>();
  let day: Day | undefined;
  for (const { id, metadata } of messages) {
    const said = metadata?.created_at && dayIn(zone, Date.parse(metadata.created_at));
    if (!said || said === day) continue;
    days.set(id, said);
    day = said;
  }
  return days.size === 1 && day === today ? new Map() : days;
}
