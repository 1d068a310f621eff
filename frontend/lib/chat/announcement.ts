import type { Phase } from "./session-state";

/** How an answer is doing: what its conversation does, and the message that is answered. */
export interface Progress {
  phase: Phase;
  /** Its key. */
  message: string | undefined;
}

const BEGUN = "Assistant is answering";
const ENDED = "Answer finished";

/** What is said of a change, if anything, and what the next change is one from. */
export interface Heard {
  said?: string;
  now: Progress;
}

/** Takes in a change of how things are. */
export function hear(before: Progress, now: Progress): Heard {
  return isBetween(before, now) ? { now: before } : { said: announcement(before, now), now };
}

/** Between an answer and what comes next the queue moves on before the conversation does. */
function isBetween(before: Progress, { phase, message }: Progress): boolean {
  if (phase.name === "answering") return message === undefined;
  return (
    phase.name === "stopping" && before.phase.name === "stopping" && before.message !== message
  );
}

/** What to say to those who hear the page: that an answer begins, waits or ends, and not each word. */
function announcement(before: Progress, now: Progress): string | undefined {
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
  const wait = waitOf(now.phase);
  // Once, however many tries there are.
  return wait === waitOf(before.phase) ? undefined : wait;
}

/** Why it waits, for those who hear it. Of a lost connection the page's head speaks. */
function waitOf(phase: Phase): string | undefined {
  if (phase.name !== "waiting" || phase.why === "offline") return undefined;
  return phase.why === "connection" ? "Reconnecting" : phase.sentence;
}
