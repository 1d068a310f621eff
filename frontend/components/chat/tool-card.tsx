"use client";

import {
  CalendarClock,
  Check,
  CircleHelp,
  Globe,
  List,
  type LucideIcon,
  Pencil,
  Plus,
  Repeat,
  RotateCcw,
  Trash2,
  TriangleAlert,
  Undo2,
} from "lucide-react";
import { memo, useId, useState } from "react";
import { Button } from "@/components/ui/button";
import { Spinner } from "@/components/ui/spinner";
import { type CardKind, cardOf, type Reader } from "@/lib/chat/cards";
import type { ToolPart } from "@/lib/chat/types";
import type { Change, Undoable } from "@/lib/chat/undo";
import { cn } from "@/lib/cn";

const ICONS: Record<Exclude<CardKind, "working">, LucideIcon> = {
  added: Plus,
  changed: Pencil,
  done: Check,
  reopened: RotateCcw,
  moved: CalendarClock,
  repeats: Repeat,
  deleted: Trash2,
  undone: Undo2,
  looked: List,
  zone: Globe,
  refused: TriangleAlert,
  unknown: CircleHelp,
};

interface Props {
  part: ToolPart;
  reader: Reader;
  undoable: Undoable | undefined;
  busy: boolean;
  onUndo: (change: Change) => void;
}

/** One thing the assistant did, in words, and how to take it back. */
export const ToolCard = memo(function ToolCard({ part, reader, undoable, busy, onUndo }: Props) {
  const { kind, verb, title, facts } = cardOf(part, reader);
  const Icon = kind === "working" ? Spinner : ICONS[kind];
  const quiet = kind === "looked" || kind === "working";
  const trouble = kind === "refused" || kind === "unknown";
  const undone = undoable?.can === false && undoable.undone;
  return (
    <li
      className={cn(
        "flex flex-wrap items-center gap-x-3 gap-y-1 text-sm",
        quiet ? "px-1 text-muted" : "rounded-md border border-line bg-surface py-2 pr-2 pl-3",
        trouble && "border-warning/40 bg-warning-soft",
      )}
    >
      <Icon
        aria-hidden
        className={cn(
          "size-4 shrink-0",
          trouble ? "text-warning" : quiet ? "text-muted" : "text-accent",
        )}
      />
      <div className={cn("min-w-0 flex-1 py-0.5 [overflow-wrap:anywhere]", undone && "text-muted")}>
        <p>
          <span className={cn(title && "text-muted")}>{verb}</span>
          {title && " "}
          {title && <span className={cn("font-medium", undone && "line-through")}>{title}</span>}
          {quiet && facts.length > 0 && `: ${facts.join(" · ")}`}
        </p>
        {!quiet && facts.length > 0 && (
          <p className={cn("text-xs", trouble ? "text-ink" : "text-muted")}>
            {facts.join(trouble ? " " : " · ")}
          </p>
        )}
      </div>
      {undoable && <UndoButton what={title ?? verb} {...{ undoable, busy, onUndo }} />}
    </li>
  );
});

interface UndoProps extends Pick<Props, "busy" | "onUndo"> {
  what: string;
  undoable: Undoable;
}

function UndoButton({ what, undoable, busy, onUndo }: UndoProps) {
  const [asked, setAsked] = useState(false);
  const id = useId();
  if (!undoable.can && undoable.undone) {
    return <span className="px-2.5 text-muted text-xs">Undone</span>;
  }
  const reason = undoable.can ? undefined : undoable.reason;
  // One that cannot be pressed could not say why either.
  return (
    <>
      <Button
        tone="ghost"
        size="sm"
        busy={busy}
        aria-label={`Undo: ${what}`}
        aria-disabled={reason ? true : undefined}
        aria-describedby={reason ? id : undefined}
        title={reason}
        onClick={() => {
          setAsked(true);
          if (undoable.can) onUndo(undoable.change);
        }}
        className={cn(reason && "cursor-not-allowed opacity-60")}
      >
        <Undo2 aria-hidden className="size-4" />
        Undo
      </Button>
      {reason && (
        <p id={id} className={cn("w-full pb-1 pl-7 text-muted text-xs", !asked && "sr-only")}>
          {reason}
        </p>
      )}
    </>
  );
}
