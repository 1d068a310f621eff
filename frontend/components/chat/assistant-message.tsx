import { memo } from "react";
import type { CardUndo } from "@/hooks/use-card-undo";
import { readAnswer } from "@/lib/chat/answer";
import type { Reader } from "@/lib/chat/cards";
import { withoutPhrase } from "@/lib/chat/confirmation";
import { type ChatMessage, textOf, toolsOf } from "@/lib/chat/types";
import { cardName, type Undoable } from "@/lib/chat/undo";
import { AnswerText } from "./answer-text";
import { Confirmation } from "./confirmation";
import { ToolCard } from "./tool-card";

interface Props {
  message: ChatMessage;
  /** Whether it is still coming in. */
  answering: boolean;
  /** What it asks to be typed, while that is open. */
  phrase: string | undefined;
  cards: Map<string, Undoable>;
  undo: CardUndo;
  reader: Reader;
}

/** What the assistant did, and what it says about it. */
export const AssistantMessage = memo(function AssistantMessage(props: Props) {
  const { message, answering, phrase, cards, undo, reader } = props;
  const tools = toolsOf(message);
  const { text, simpler } = readAnswer(textOf(message));
  const { interrupted, stopped } = message.metadata ?? {};
  if (tools.length === 0 && text === "") return null;
  return (
    <article aria-label="Assistant" aria-busy={answering} className="flex flex-col gap-3">
      {tools.length > 0 && (
        <ul aria-label="What was done" className="flex flex-col gap-2">
          {tools.map((part, n) => {
            const name = cardName(message, n);
            return (
              <ToolCard
                key={name}
                part={part}
                reader={reader}
                undoable={cards.get(name)}
                busy={undo.busy === name}
                onUndo={undo.undo}
              />
            );
          })}
        </ul>
      )}
      {text !== "" && <AnswerText text={phrase ? withoutPhrase(text) : text} />}
      {phrase && <Confirmation phrase={phrase} />}
      {simpler && <Note>Answered without the language model, which could not be reached.</Note>}
      {interrupted && <Note>This answer was cut off.</Note>}
      {stopped && <Note>You stopped this answer.</Note>}
    </article>
  );
});

function Note({ children }: { children: string }) {
  return <p className="text-muted text-xs">{children}</p>;
}
