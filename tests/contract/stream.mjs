// Reads a chat turn with the AI SDK's own transport and reader, as the chat page does.
//
// Takes one JSON argument: { url, token, key, body }. Says that it is ready, waits for a line of
// input, and asks. Prints a JSON line for every state of the message, and last one that says how
// the stream ended.
import { once } from "node:events";

import { DefaultChatTransport, readUIMessageStream } from "ai";

const { url, token, key, body } = JSON.parse(process.argv[2]);
const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

const transport = new DefaultChatTransport({
  api: url,
  headers: { authorization: `Bearer ${token}`, "idempotency-key": key },
  prepareSendMessagesRequest: ({ headers }) => ({
    headers: { ...headers, accept: "text/event-stream" },
    body,
  }),
});

print({ ready: true });
await once(process.stdin, "data");
process.stdin.destroy();

try {
  const parts = await transport.sendMessages({
    trigger: "submit-message",
    chatId: "chat",
    messages: [],
  });
  const types = [];
  const seen = parts.pipeThrough(
    new TransformStream({
      transform(part, controller) {
        types.push(part.type);
        controller.enqueue(part);
      },
    }),
  );
  for await (const message of readUIMessageStream({ stream: seen, terminateOnError: true })) {
    print({ message });
  }
  print({ end: types.at(-1), types });
} catch (error) {
  print({ end: "thrown", error: String(error.message ?? error) });
}
