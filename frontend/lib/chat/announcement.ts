import type { Phase } from "./session-state";

/** How an answer is doing: what its conversation does, and the message that is answered. */
export interface Progress {
  phase: Phase;
  /** Its key. */
  message: string | undefined;
}

const BEGUN = "Assistant is answering";
const ENDED = "Answer finished";

/** What to say to those who hear the page: that an answer begins or ends, and not each word. */
export function announcement(before: Progress, now: Progress): string | undefined {
  const was = before.phase.name;
  const is = now.phase.name;
  const wasAnswering = was === "answering" || was === "stopping";
  const isNext = before.message !== now.message;
  if (is === "answering") {
    if (wasAnswering && isNext) return `${ENDED}. ${BEGUN}`;
    // Taken up again after the connection broke, it goes on.
    return was === is || was === "stopping" ? undefined : BEGUN;
  }
  if (is === "idle" && wasAnswering) return ENDED;
  if (is === "waiting" && now.phase.why === "connection" && was !== is) return "Reconnecting";
  return undefined;
}
