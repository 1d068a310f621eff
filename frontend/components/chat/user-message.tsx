import { memo } from "react";
import { type ChatMessage, textOf } from "@/lib/chat/types";
import { timeLabel } from "@/lib/tasks/format";

interface Props {
  message: ChatMessage;
  zone: string;
}

/** What the person said. */
export const UserMessage = memo(function UserMessage({ message, zone }: Props) {
  const said = message.metadata?.created_at;
  return (
    <article aria-label="You" className="flex flex-col items-end gap-1 pl-10">
      <p className="max-w-full whitespace-pre-wrap rounded-lg rounded-br-sm bg-accent-soft px-4 py-2.5 [overflow-wrap:anywhere]">
        {textOf(message)}
      </p>
      {said && (
        <time dateTime={said} className="text-muted text-xs">
          {timeLabel(Date.parse(said), zone)}
        </time>
      )}
    </article>
  );
});
