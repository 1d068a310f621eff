"use client";

import { type ReactNode, type Ref, useImperativeHandle, useMemo, useRef } from "react";
import { useToast } from "@/components/ui/toast";
import type { CardUndo } from "@/hooks/use-card-undo";
import { useChatSession } from "@/hooks/use-chat-session";
import { readAnswer } from "@/lib/chat/answer";
import { askedPhrase } from "@/lib/chat/confirmation";
import type { ChatSession } from "@/lib/chat/session";
import { type ChatMessage, type PendingSend, textOf } from "@/lib/chat/types";
import { arrange } from "@/lib/chat/waiting";
import { Announcer } from "./announcer";
import type { Named } from "./chat-room";
import { Composer, type ComposerHandle } from "./composer";
import { FirstVisit } from "./first-visit";
import { GoneNotice, HistoryNotice } from "./history-notice";
import { MessageLog } from "./message-log";
import { QueuedMessage } from "./queued-message";
import { ThreadHeader } from "./thread-header";
import { ThreadStatus } from "./thread-status";

interface Props {
  ref: Ref<ComposerHandle>;
  session: ChatSession;
  undo: CardUndo;
  /** Begins another conversation, with this text in the box. */
  onNew: (text?: string) => void;
  onRename: (conversation: Named) => void;
  onDelete: (conversation: Named) => void;
  onShowList: () => void;
  onShowShortcuts: () => void;
  /** Stands above the box. */
  children?: ReactNode;
}

/** One conversation: its head, what was said, and the box. */
export function Thread(props: Props) {
  const { ref, session, undo, onNew, onShowShortcuts, children, ...header } = props;
  const { messages, phase, queue, conversationId, history, hasOlder, gone } =
    useChatSession(session);
  const toast = useToast();
  const composer = useRef<ComposerHandle>(null);
  useImperativeHandle(ref, () => ({
    focus: () => composer.current?.focus(),
    put: (text) => composer.current?.put(text),
  }));
  const { above, below } = arrange(queue, messages, phase);
  const phrase = useMemo(() => asked(messages.at(-1)), [messages]);
  const isNew = !conversationId && messages.length === 0 && queue.length === 0;

  const takeBack = (key: string) => {
    composer.current?.put(session.discard(key));
    composer.current?.focus();
  };
  const stop = () => {
    session.stop().catch((error: Error) => {
      toast.show({ title: `Not stopped: ${error.message}`, tone: "danger" });
    });
  };
  const waiting = (send: PendingSend) => (
    <QueuedMessage key={send.key} send={send} onTakeBack={takeBack} />
  );

  return (
    <div className="flex min-h-0 min-w-0 flex-1 flex-col">
      <ThreadHeader conversationId={conversationId} onNew={() => onNew()} {...header} />
      {gone ? (
        <GoneNotice waiting={queue.length > 0} onNew={() => onNew(session.takeAll())} />
      ) : (
        <MessageLog
          messages={messages}
          answering={phase.name === "answering"}
          phrase={phase.name === "idle" ? phrase : undefined}
          undo={undo}
          hasOlder={hasOlder}
          onOlder={() => session.loadOlder()}
          sent={queue.at(-1)?.key}
        >
          <HistoryNotice history={history} onRetry={() => session.load()} />
          {isNew && <FirstVisit onSay={(text) => session.send(text)} />}
          {above.map(waiting)}
          <ThreadStatus
            phase={phase}
            queue={queue}
            messages={messages}
            onRetry={() => session.retry()}
            onNow={() => session.wake()}
            onTakeBack={takeBack}
          />
          {below.map(waiting)}
        </MessageLog>
      )}
      {children}
      <Composer
        ref={composer}
        session={session}
        conversationId={conversationId}
        disabled={gone}
        phase={phase}
        phrase={phrase}
        onStop={stop}
        onShowShortcuts={onShowShortcuts}
      />
      <Announcer phase={phase} message={queue[0]?.key} />
    </div>
  );
}

/** What the newest message asks to be typed, if it asks for anything. */
function asked(newest: ChatMessage | undefined): string | undefined {
  return newest?.role === "assistant" ? askedPhrase(readAnswer(textOf(newest)).text) : undefined;
}
