import { MessageCircleOff } from "lucide-react";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { Spinner } from "@/components/ui/spinner";
import type { SessionState } from "@/lib/chat/session-state";

interface Props {
  history: SessionState["history"];
  onRetry: () => void;
}

/** Says so while the messages are being read, or when that did not work. */
export function HistoryNotice({ history, onRetry }: Props) {
  if (history === "reading") {
    return (
      <p className="flex items-center justify-center gap-2 py-6 text-muted text-sm">
        <Spinner /> Reading messages
      </p>
    );
  }
  if (history === "failed") {
    return (
      <Notice tone="danger">
        <p>The messages could not be read.</p>
        <Button size="sm" onClick={onRetry} className="mt-2">
          Try again
        </Button>
      </Notice>
    );
  }
  return null;
}

interface Gone {
  /** Whether something was written that it has not heard. */
  waiting: boolean;
  onNew: () => void;
}

/** Stands in the place of a conversation that was deleted. */
export function GoneNotice({ waiting, onNew }: Gone) {
  return (
    <div className="m-auto flex max-w-sm flex-col items-center gap-3 p-6 text-center">
      <MessageCircleOff aria-hidden className="size-8 text-muted" />
      <p>This conversation was deleted.</p>
      {waiting && <p className="text-muted text-sm">What you wrote was not sent.</p>}
      <Button onClick={onNew}>
        {waiting ? "Say it in a new conversation" : "New conversation"}
      </Button>
    </div>
  );
}
