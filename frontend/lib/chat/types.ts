import type { DynamicToolUIPart, UIMessage } from "ai";

/** What is known of a message besides its words. */
export interface MessageMetadata {
  conversation_id?: string;
  turn_id?: string;
  /** Its place in the conversation; absent until it was read from the backend. */
  index?: number;
  /** When it was said, RFC 3339. */
  created_at?: string;
  /** Which planner answered. */
  provider?: string;
  stopped?: boolean;
  interrupted?: boolean;
}

export type ChatMessage = UIMessage<MessageMetadata>;
export type ToolPart = DynamicToolUIPart;

/** A message on its way: kept until its answer is complete. */
export interface PendingSend {
  /** The Idempotency-Key; the same for every try, also after a reload. */
  key: string;
  /** Where it was written: a conversation's id, or that of one yet to begin. */
  threadId: string;
  conversationId?: string;
  text: string;
  /** IANA zone in which its dates are meant. */
  timeZone?: string;
  /** When it was written, in milliseconds since 1970. */
  writtenAt: number;
  /** When the person last said that it is meant, if after that. */
  meantAt?: number;
  /** The turn, once the backend has named it. */
  turnId?: string;
  /** Whether it may have reached the backend. */
  tried?: boolean;
}

/** The words of a message. */
export function textOf(message: ChatMessage): string {
  return message.parts
    .filter((part) => part.type === "text")
    .map((part) => part.text)
    .join("\n\n");
}

/** The tools a message called, in order. */
export function toolsOf(message: ChatMessage): ToolPart[] {
  return message.parts.filter((part) => part.type === "dynamic-tool");
}
