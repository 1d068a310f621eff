import { describe, expect, test, vi } from "vitest";
import { ApiError } from "@/lib/api/client";
import { BrokenStream, UnfinishedAnswer } from "./errors";
import { TurnTransport } from "./transport";

/** A backend that answers with these parts, and what it was asked. */
function backend(...parts: object[]) {
  const asked: { url: string; headers: Headers; body: unknown }[] = [];
  const fetch = vi.fn(async (url: RequestInfo | URL, init?: RequestInit) => {
    asked.push({
      url: String(url),
      headers: new Headers(init?.headers),
      body: JSON.parse(String(init?.body)),
    });
    const lines = parts.map((part) => `data: ${JSON.stringify(part)}\n\n`);
    return new Response(lines.join(""), { headers: { "content-type": "text/event-stream" } });
  });
  return { fetch: fetch as unknown as typeof globalThis.fetch, asked };
}

const turn = () => ({ key: "key-1", body: { message: "add milk", time_zone: "Europe/Berlin" } });
const send = { trigger: "submit-message", chatId: "c", messageId: undefined } as const;
const sendAll = { ...send, messages: [], abortSignal: undefined };

async function read(stream: ReadableStream<unknown> | null) {
  const parts: unknown[] = [];
  if (stream) for await (const part of stream) parts.push(part);
  return parts;
}

const start = {
  type: "start",
  messageId: "t",
  messageMetadata: { conversation_id: "c", turn_id: "t" },
};
const finish = { type: "finish", finishReason: "stop" };

describe("what is sent", () => {
  test("is the message alone, under its key, asking for a stream", async () => {
    const { fetch, asked } = backend(start, finish);
    const transport = new TurnTransport({ userId: "ann", turn, fetch });
    await read(await transport.sendMessages(sendAll));
    expect(asked[0]?.url).toBe("/api/ann/chat");
    expect(asked[0]?.body).toEqual({ message: "add milk", time_zone: "Europe/Berlin" });
    expect(asked[0]?.headers.get("accept")).toBe("text/event-stream");
    expect(asked[0]?.headers.get("idempotency-key")).toBe("key-1");
  });

  test("is the same when the answer is asked for again", async () => {
    const { fetch, asked } = backend(start, finish);
    const transport = new TurnTransport({ userId: "ann", turn, fetch });
    await read(await transport.sendMessages(sendAll));
    await read(await transport.reconnectToStream({ chatId: "c" }));
    const [first, again] = asked.map(({ headers, ...rest }) => [...headers, rest]);
    expect(again).toEqual(first);
  });
});

describe("the answer", () => {
  test("names its conversation and its turn", async () => {
    const { fetch } = backend(start, finish);
    const onStart = vi.fn();
    const transport = new TurnTransport({ userId: "ann", turn, fetch, onStart });
    await read(await transport.sendMessages(sendAll));
    expect(onStart).toHaveBeenCalledExactlyOnceWith({ conversation_id: "c", turn_id: "t" });
  });

  test("that was stopped is complete", async () => {
    const { fetch } = backend(start, { type: "abort" });
    const transport = new TurnTransport({ userId: "ann", turn, fetch });
    expect(await read(await transport.sendMessages(sendAll))).toHaveLength(2);
  });

  test("that breaks off is an error, even if the connection was closed in good order", async () => {
    const { fetch } = backend(start);
    const transport = new TurnTransport({ userId: "ann", turn, fetch });
    const stream = await transport.sendMessages(sendAll);
    await expect(read(stream)).rejects.toThrow(BrokenStream);
  });

  test("that the backend could not finish is an error with its sentence", async () => {
    const { fetch } = backend(start, { type: "error", errorText: "Please try again." });
    const transport = new TurnTransport({ userId: "ann", turn, fetch });
    const stream = await transport.sendMessages(sendAll);
    await expect(read(stream)).rejects.toThrow(new UnfinishedAnswer("Please try again."));
  });

  test("that is a problem document is an error with its sentence and its wait", async () => {
    const problem = { status: 429, title: "Too many requests", detail: "Wait.", code: "x" };
    const headers = { "retry-after": "7" };
    const fetch = async () => Response.json(problem, { status: 429, headers });
    const transport = new TurnTransport({ userId: "ann", turn, fetch });
    const error = await transport.sendMessages(sendAll).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 429, detail: "Wait.", retryAfter: 7 });
  });
});
