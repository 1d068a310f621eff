import { useSyncExternalStore } from "react";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import type { ChatSession } from "@/lib/chat/session";
import type { ChatSessions } from "@/lib/chat/sessions";

interface Props {
  sessions: ChatSessions;
  shown: ChatSession;
  onShow: (session: ChatSession) => void;
}

/** Says so when something waits in a conversation that does not show. */
export function StuckElsewhere({ sessions, shown, onShow }: Props) {
  const read = () => sessions.stuckBeside(shown);
  const stuck = useSyncExternalStore(sessions.subscribe, read, read);
  return (
    <div className="mx-auto w-full max-w-3xl px-4 empty:hidden">
      {stuck && (
        <Notice tone="warning">
          <div className="flex flex-wrap items-center justify-between gap-2">
            <p>A message in another conversation is not sent yet.</p>
            <Button size="sm" onClick={() => onShow(stuck)}>
              Show it
            </Button>
          </div>
        </Notice>
      )}
    </div>
  );
}
