"use client";

import { CloudOff, RefreshCw } from "lucide-react";
import Link from "next/link";
import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { Spinner } from "@/components/ui/spinner";
import { useCountdown } from "@/hooks/use-countdown";
import type { Phase } from "@/lib/chat/session-state";
import { type ChatMessage, type PendingSend, textOf, toolsOf } from "@/lib/chat/types";
import { SIGN_IN } from "@/lib/sign-out";

interface Props {
  phase: Phase;
  /** What is on its way, the message that is being answered first. */
  queue: readonly PendingSend[];
  messages: ChatMessage[];
  onRetry: () => void;
  onNow: () => void;
  onTakeBack: (key: string) => void;
}

/** So long after a question that came from elsewhere its answer is still expected. */
const EXPECTED = 90_000;

/** How the newest message is doing, while it has no complete answer. */
export function ThreadStatus({ phase, queue, messages, onRetry, onNow, onTakeBack }: Props) {
  const [head] = queue;
  switch (phase.name) {
    case "idle":
      return isAnsweredElsewhere(messages) ? <Busy>Being answered in another window</Busy> : null;
    case "answering":
      return hasBegun(messages) ? null : <Busy>Thinking</Busy>;
    case "stopping":
      return <Busy>Stopping</Busy>;
    case "waiting":
      return <Waiting phase={phase} onNow={onNow} />;
    case "stale":
      return (
        <Notice tone="warning">
          <p>This was written some time ago and could not be sent. Is it still meant?</p>
          <Actions>
            <Button size="sm" tone="primary" onClick={onRetry}>
              {queue.length > 1 ? `Send all ${queue.length}` : "Send it"}
            </Button>
            {head && <TakeBack onClick={() => onTakeBack(head.key)} />}
          </Actions>
        </Notice>
      );
    case "failed":
      return (
        <Notice tone="danger">
          <p>{phase.problem.sentence}</p>
          <Actions>
            {phase.problem.kind === "signed-out" ? (
              <Link href={SIGN_IN} className="font-medium underline">
                Sign in
              </Link>
            ) : (
              <Button size="sm" onClick={onRetry}>
                Try again
              </Button>
            )}
            {head && <TakeBack onClick={() => onTakeBack(head.key)} />}
          </Actions>
        </Notice>
      );
  }
}

function Busy({ children }: { children: string }) {
  return (
    <p className="flex items-center gap-2 text-muted text-sm">
      <Spinner /> {children}
    </p>
  );
}

function Waiting({
  phase,
  onNow,
}: {
  phase: Extract<Phase, { name: "waiting" }>;
  onNow: () => void;
}) {
  const seconds = useCountdown(phase.until);
  if (phase.why === "offline") {
    return (
      <p className="flex items-center gap-2 text-muted text-sm">
        <CloudOff aria-hidden className="size-4 shrink-0" /> {phase.sentence}
      </p>
    );
  }
  const again = seconds > 1 ? `Trying again in ${seconds} s.` : "";
  return (
    <div className="flex flex-wrap items-center gap-x-2 text-muted text-sm">
      <RefreshCw aria-hidden className="size-4 shrink-0 animate-spin" />
      <p>
        {phase.why === "connection" ? "Reconnecting." : phase.sentence} {again}
      </p>
      {phase.why === "connection" && seconds > 1 && (
        <Button tone="ghost" size="sm" onClick={onNow} className="text-accent">
          Try now
        </Button>
      )}
    </div>
  );
}

function Actions({ children }: { children: ReactNode }) {
  return <div className="mt-2 flex flex-wrap items-center gap-2">{children}</div>;
}

function TakeBack({ onClick }: { onClick: () => void }) {
  return (
    <Button size="sm" tone="ghost" onClick={onClick}>
      Edit message
    </Button>
  );
}

function hasBegun(messages: ChatMessage[]): boolean {
  const newest = messages.at(-1);
  return newest?.role === "assistant" && (toolsOf(newest).length > 0 || textOf(newest) !== "");
}

function isAnsweredElsewhere(messages: ChatMessage[]): boolean {
  const newest = messages.at(-1);
  const said = newest?.role === "user" ? newest.metadata?.created_at : undefined;
  return said !== undefined && Date.now() - Date.parse(said) < EXPECTED;
}
