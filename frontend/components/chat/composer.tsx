"use client";

import { ArrowUp, Square } from "lucide-react";
import {
  type KeyboardEvent,
  type Ref,
  useEffect,
  useId,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
} from "react";
import { IconButton } from "@/components/ui/icon-button";
import { useDraft } from "@/hooks/use-draft";
import { COUNT_FROM, keyAction, LONGEST, lengthOf } from "@/lib/chat/composer";
import type { ChatSession } from "@/lib/chat/session";
import type { Phase } from "@/lib/chat/session-state";
import { textOf } from "@/lib/chat/types";
import { cn } from "@/lib/cn";
import { count } from "@/lib/tasks/format";

export interface ComposerHandle {
  focus: () => void;
  /** Puts text into the box, after what stands there. */
  put: (text: string) => void;
}

interface Props {
  ref: Ref<ComposerHandle>;
  session: ChatSession;
  conversationId: string | undefined;
  disabled: boolean;
  phase: Phase;
  /** What the newest answer asks to be typed. */
  phrase: string | undefined;
  onStop: () => void;
  onShowShortcuts: () => void;
}

/** Where the person says something. */
export function Composer({ ref, session, conversationId, disabled, phase, phrase, ...on }: Props) {
  const [text, setText] = useDraft(conversationId);
  const box = useRef<HTMLTextAreaElement>(null);
  const id = useId();
  const length = lengthOf(text);
  const tooLong = length > LONGEST;
  const stoppable =
    phase.name === "answering" || phase.name === "stopping" || isTaken(session, phase);

  useImperativeHandle(ref, () => ({
    focus: () => box.current?.focus(),
    put: (more) => setText((before) => (before ? `${before}\n${more}` : more)),
  }));
  useGrowth(box, text);

  const send = () => {
    if (length === 0 || tooLong || disabled) return;
    session.send(text.trim());
    setText("");
    box.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const { isComposing, keyCode } = event.nativeEvent;
    const { key, shiftKey, ctrlKey, altKey, metaKey } = event;
    const action = keyAction(
      { key, shiftKey, ctrlKey, altKey, metaKey, isComposing, keyCode },
      text,
    );
    if (!action) return;
    event.preventDefault();
    if (action === "send") send();
    else if (action === "edit-last") setText(takeLast(session));
    else if (stoppable) on.onStop();
    else box.current?.blur();
  };

  return (
    <form
      aria-label="Message"
      className="mx-auto w-full max-w-3xl px-4 pt-1 pb-[max(0.75rem,env(safe-area-inset-bottom))]"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className="flex items-end gap-1.5 rounded-lg border border-line-strong bg-surface p-1.5 focus-within:border-accent focus-within:outline-1 focus-within:outline-accent">
        <textarea
          ref={box}
          rows={1}
          value={text}
          disabled={disabled}
          enterKeyHint="send"
          aria-label="Message"
          aria-describedby={`${id}-count`}
          aria-invalid={tooLong || undefined}
          placeholder={phrase ? `Type “${phrase}”` : "Add a task, or ask"}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
          className="field-sizing-content max-h-48 min-h-10 min-w-0 flex-1 resize-none bg-transparent px-2.5 py-2 text-base outline-none sm:text-[0.9375rem]"
        />
        {stoppable && (
          <IconButton
            label="Stop answering"
            icon={<Square className="fill-current" />}
            disabled={phase.name === "stopping"}
            onClick={on.onStop}
          />
        )}
        <IconButton
          type="submit"
          label="Send"
          tone="primary"
          icon={<ArrowUp />}
          disabled={length === 0 || tooLong || disabled}
        />
      </div>
      <div className="flex min-h-6 items-center gap-3 pt-1 text-muted text-xs">
        <button
          type="button"
          onClick={on.onShowShortcuts}
          className="hidden min-h-6 rounded-sm hover:text-ink hover:underline pointer-fine:block"
        >
          Keyboard shortcuts
        </button>
        <p id={`${id}-count`} className={cn("ml-auto tabular-nums", tooLong && "text-danger")}>
          {length >= COUNT_FROM && counted(length)}
        </p>
      </div>
    </form>
  );
}

/** A message that left and waits to be answered can be stopped; one that never left is taken back. */
function isTaken(session: ChatSession, phase: Phase): boolean {
  return phase.name === "waiting" && phase.why !== "offline" && !!session.state().queue[0]?.tried;
}

/** The last message, to say it again, or in other words; one that never left is taken back. */
function takeLast(session: ChatSession): string {
  const queued = session.state().queue.at(-1);
  if (queued) return queued.tried ? queued.text : session.discard(queued.key);
  const said = session.chat.messages.findLast((message) => message.role === "user");
  return said ? textOf(said) : "";
}

function counted(length: number): string {
  const over = length - LONGEST;
  if (over > 0) return `${count(over, "character")} too long`;
  return `${length.toLocaleString("en")} of ${count(LONGEST, "character")}`;
}

/** Where the browser does not size the box by its text, this does. */
function useGrowth(box: { current: HTMLTextAreaElement | null }, text: string): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text is what grows
  useLayoutEffect(() => {
    const area = box.current;
    if (!area || CSS.supports("field-sizing", "content")) return;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight}px`;
  }, [box, text]);
  useEffect(() => {
    const area = box.current;
    if (area && matchMedia("(pointer: fine)").matches) area.focus({ preventScroll: true });
  }, [box]);
}
