import type { Phase } from "./session-state";
import type { ChatMessage, PendingSend } from "./types";

/** What waits to be sent and does not stand among the messages, around how the first is doing. */
export interface Waiting {
  above: PendingSend[];
  below: PendingSend[];
}

/** How to show what waits, so that each message is in sight once. */
export function arrange(
  queue: readonly PendingSend[],
  messages: readonly ChatMessage[],
  phase: Phase,
): Waiting {
  const [head] = queue;
  const unseen = queue.filter((send) => !messages.some((message) => isOf(message, send)));
  // What is being sent is about to stand among the messages, unless it is held.
  const shown = unseen.filter((send) => send !== head || !send.tried || isHeld(phase));
  if (shown[0] !== head) return { above: [], below: shown };
  // The question whether it is still meant is about the first alone.
  if (phase.name === "stale") return { above: shown.slice(0, 1), below: shown.slice(1) };
  return { above: shown, below: [] };
}

function isHeld(phase: Phase): boolean {
  return phase.name === "stale" || (phase.name === "waiting" && phase.why === "offline");
}

function isOf({ id, role, metadata }: ChatMessage, { key, turnId }: PendingSend): boolean {
  return id === key || (role === "user" && turnId !== undefined && metadata?.turn_id === turnId);
}
