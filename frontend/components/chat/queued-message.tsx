import { Clock } from "lucide-react";
import { Button } from "@/components/ui/button";
import type { PendingSend } from "@/lib/chat/types";

interface Props {
  send: PendingSend;
  onTakeBack: (key: string) => void;
}

/** A message that waits for its turn, or for the connection. */
export function QueuedMessage({ send, onTakeBack }: Props) {
  const taken = send.turnId !== undefined;
  return (
    <article
      aria-label={taken ? "You, not answered yet" : "You, not sent yet"}
      className="flex flex-col items-end gap-1 pl-10"
    >
      <p className="max-w-full whitespace-pre-wrap rounded-lg rounded-br-sm border border-line-strong border-dashed px-4 py-2.5 [overflow-wrap:anywhere]">
        {send.text}
      </p>
      <div className="flex items-center gap-1 text-muted text-xs">
        <Clock aria-hidden className="size-3.5" />
        {taken ? "Waiting for its answer" : "Waiting to be sent"}
        {/* What the backend has taken would be said twice. */}
        {!taken && (
          <Button tone="ghost" size="sm" onClick={() => onTakeBack(send.key)} className="text-xs">
            Take back
          </Button>
        )}
      </div>
    </article>
  );
}
