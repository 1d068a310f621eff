import { DefaultChatTransport, type UIMessageChunk } from "ai";
import { authorizedFetch } from "@/lib/api/client";
import { errorOf } from "@/lib/api/error";
import type { ChatRequest } from "@/lib/api/types";
import { BrokenStream, UnfinishedAnswer } from "./errors";
import type { ChatMessage, MessageMetadata } from "./types";

/** What is said, under which key. */
export interface Turn {
  key: string;
  body: ChatRequest;
}

interface Options {
  userId: string;
  /** What is being sent; asked for at every try. */
  turn: () => Turn;
  /** The backend has taken it: in which conversation, as which turn. */
  onStart?: (metadata: MessageMetadata) => void;
  /** Sends a request with the person's token; renews the token once when it is refused. */
  fetch?: typeof fetch;
}

/**
 * Says something to the assistant and reads its answer as it comes.
 *
 * A send and its repeat are the same request: under the same Idempotency-Key the backend joins the
 * turn that runs, or gives the result of the one that ran, from its beginning. So coming back to
 * an answer is sending again, and the replay takes the place of what was shown of it.
 */
export class TurnTransport extends DefaultChatTransport<ChatMessage> {
  readonly #onStart: Options["onStart"];

  constructor({ userId, turn, onStart, fetch = authorizedFetch }: Options) {
    super({
      api: `/api/${userId}/chat`,
      prepareSendMessagesRequest: () => {
        const { key, body } = turn();
        return { headers: { accept: "text/event-stream", "idempotency-key": key }, body };
      },
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        if (!response.ok) throw await errorOf(response);
        return response;
      },
    });
    this.#onStart = onStart;
  }

  override reconnectToStream({
    chatId,
    abortSignal,
  }: Parameters<DefaultChatTransport<ChatMessage>["reconnectToStream"]>[0]) {
    return this.sendMessages({
      trigger: "submit-message",
      chatId,
      messageId: undefined,
      messages: [],
      abortSignal,
    });
  }

  protected override processResponseStream(stream: ReadableStream<Uint8Array<ArrayBufferLike>>) {
    return super.processResponseStream(stream).pipeThrough(untilEnd(this.#onStart));
  }
}

/** Lets parts through; a stream that stops before the answer's end is an error. */
function untilEnd(onStart: Options["onStart"]): TransformStream<UIMessageChunk, UIMessageChunk> {
  let ended = false;
  return new TransformStream({
    transform(part, controller) {
      if (part.type === "start") onStart?.((part.messageMetadata ?? {}) as MessageMetadata);
      if (part.type === "error") throw new UnfinishedAnswer(part.errorText);
      ended ||= part.type === "finish" || part.type === "abort";
      controller.enqueue(part);
    },
    flush() {
      if (!ended) throw new BrokenStream();
    },
  });
}
