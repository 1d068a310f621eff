import type { ChatReply, Message, ToolCall } from "@/lib/api/types";
import type { ChatMessage, ToolPart } from "./types";

/** A stored message as the list shows it. */
export function fromStored(message: Message, conversationId?: string): ChatMessage {
  const { index, turn_id, role, text, provider, created_at, stopped, interrupted } = message;
  return {
    id: messageId(turn_id, role),
    role,
    parts: [...(message.tool_calls ?? []).map(toolPart), { type: "text", text, state: "done" }],
    metadata: {
      conversation_id: conversationId,
      turn_id,
      index,
      created_at,
      provider: provider ?? undefined,
      stopped,
      interrupted,
    },
  };
}

/** The reply to a stopped turn, before it is read from the conversation. */
export function fromReply(reply: ChatReply): ChatMessage {
  const { conversation_id, turn_id, provider, stopped } = reply;
  return {
    id: messageId(turn_id, "assistant"),
    role: "assistant",
    parts: [
      ...reply.tool_calls.map(toolPart),
      { type: "text", text: reply.response, state: "done" },
    ],
    metadata: { conversation_id, turn_id, provider, stopped },
  };
}

/** The stream names an answer after its turn, so its stored form has the same id. */
function messageId(turnId: string, role: Message["role"]): string {
  return role === "assistant" ? turnId : `${turnId}/user`;
}

function toolPart({ tool, arguments: input, result }: ToolCall, n: number): ToolPart {
  return {
    type: "dynamic-tool",
    toolName: tool,
    toolCallId: `call-${n}`,
    state: "output-available",
    input,
    output: result,
  };
}

/**
 * The list with a page of stored messages in it. What the page has takes the place of what was
 * shown of the same turn; older stored messages stay before it, what is not stored yet after it.
 * Older ones with a gap after them go: they are read again when somebody scrolls there.
 */
export function withPage(
  shown: ChatMessage[],
  page: Message[],
  conversationId?: string,
): ChatMessage[] {
  const [first, last] = [page[0]?.index, page.at(-1)?.index];
  if (first === undefined || last === undefined) return shown;
  const stored = page.map((message) => fromStored(message, conversationId));
  const named = new Set(stored.map(place));
  const rest = shown.filter((message) => !named.has(place(message)));
  const older = rest.filter((message) => (message.metadata?.index ?? first) < first);
  const newer = rest.filter((message) => (message.metadata?.index ?? last + 1) > last);
  const joined = older.at(-1)?.metadata?.index === first - 1;
  return [...(joined ? older : []), ...stored, ...newer];
}

/** The index of the oldest stored message that is shown; undefined if there is none. */
export function oldestIndex(shown: ChatMessage[]): number | undefined {
  return shown.find((message) => message.metadata?.index !== undefined)?.metadata?.index;
}

/** The list with a message in it, in place of what was shown under its id. */
export function withMessage(shown: ChatMessage[], message: ChatMessage): ChatMessage[] {
  const at = shown.findIndex(({ id }) => id === message.id);
  return at < 0 ? [...shown, message] : shown.with(at, message);
}

/**
 * The list once the backend has named the turn of the message with this id. If the message stands
 * there already, read from the backend, it is not shown twice.
 */
export function withTurn(shown: ChatMessage[], id: string, turnId: string): ChatMessage[] {
  const stored = shown.some((message) => message.id !== id && place(message) === `${turnId}/user`);
  return stored
    ? shown.filter((message) => message.id !== id)
    : shown.map((message) =>
        message.id === id
          ? { ...message, metadata: { ...message.metadata, turn_id: turnId } }
          : message,
      );
}

function place(message: ChatMessage): string {
  const turn = message.metadata?.turn_id;
  return turn ? `${turn}/${message.role}` : message.id;
}
