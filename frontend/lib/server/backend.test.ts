import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { handOn, wayToBackend } from "./backend";

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function backend(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  server = createServer(answer);
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const env = (values: Record<string, string>) =>
  ({ NODE_ENV: "test", ...values }) as NodeJS.ProcessEnv;

test("with a sidecar the way is service invocation, and its token opens it", () => {
  const way = wayToBackend(env({ DAPR_HTTP_PORT: "3500", DAPR_API_TOKEN: "t", BACKEND_URL: "x" }));
  expect(way.base).toBe("http://127.0.0.1:3500/v1.0/invoke/backend/method");
  expect(way.headers).toEqual({ "dapr-api-token": "t" });
  expect(wayToBackend(env({ BACKEND_URL: "http://b:1" })).base).toBe("http://b:1");
});

test("path, query, body and the backend's headers go on; cookies stay", async () => {
  let got: { url?: string; headers: IncomingMessage["headers"]; body: string } | undefined;
  const base = await backend(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    got = { url: request.url, headers: request.headers, body };
    response.writeHead(201, {
      "content-type": "application/json",
      "x-secret": "s",
      "retry-after": "3",
    });
    response.end('{"ok":true}');
  });
  const request = new Request("http://page/api/ann/tasks%2Fx?tag=a%20b", {
    method: "POST",
    headers: {
      authorization: "Bearer t",
      "idempotency-key": "k",
      "content-type": "application/json",
      "content-length": "16",
      cookie: "session=s",
    },
    body: '{"title":"milk"}',
    duplex: "half",
  } as RequestInit);
  const answer = await handOn(request, { base: `${base}/v1`, headers: { "dapr-api-token": "d" } });
  expect(got?.url).toBe("/v1/api/ann/tasks%2Fx?tag=a%20b");
  expect(got?.body).toBe('{"title":"milk"}');
  expect(got?.headers).toMatchObject({
    authorization: "Bearer t",
    "idempotency-key": "k",
    "dapr-api-token": "d",
  });
  expect(got?.headers["content-length"]).toBe("16");
  expect(got?.headers["transfer-encoding"]).toBeUndefined();
  expect(got?.headers.cookie).toBeUndefined();
  expect(answer.status).toBe(201);
  expect(answer.headers.get("retry-after")).toBe("3");
  expect(answer.headers.get("x-secret")).toBeNull();
  expect(await answer.json()).toEqual({ ok: true });
});

test("pieces of a stream arrive as they come, and leaving ends the backend's side", async () => {
  let tell: () => void = () => {};
  const closed = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const base = await backend((request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: one\n\n");
    request.on("close", tell);
  });
  const leave = new AbortController();
  const request = new Request("http://page/api/ann/events", { signal: leave.signal });
  const answer = await handOn(request, { base, headers: {} });
  expect(answer.headers.get("cache-control")).toContain("no-transform");
  const reader = answer.body?.getReader();
  const first = await reader?.read();
  expect(new TextDecoder().decode(first?.value)).toBe("data: one\n\n");
  leave.abort();
  await closed;
});

test("a stream is not all that is accepted, or the sidecar would spoil refusals", async () => {
  let accepted: string | undefined;
  const base = await backend((request, response) => {
    accepted = request.headers.accept;
    response.end();
  });
  const headers = { accept: "text/event-stream" };
  await handOn(new Request("http://page/api/ann/events", { headers }), { base, headers: {} });
  expect(accepted).toBe("text/event-stream, */*;q=0.1");
});

test("a backend that is away is a problem document that says when to come back", async () => {
  const answer = await handOn(new Request("http://page/api/ann/tasks"), {
    base: "http://127.0.0.1:1",
    headers: {},
  });
  expect(answer.status).toBe(503);
  expect(answer.headers.get("retry-after")).toBe("1");
  expect(await answer.json()).toMatchObject({ code: "unavailable" });
});

test("a sidecar that finds no backend says the same, and the backend's own failure stays", async () => {
  const failing = (type: string, body: object) =>
    backend((_, response) => {
      response.writeHead(500, { "content-type": type });
      response.end(JSON.stringify(body));
    });
  const ask = async (base: string) =>
    handOn(new Request("http://page/api/ann/tasks"), { base, headers: {} });
  const away = await ask(await failing("application/json", { errorCode: "ERR_DIRECT_INVOKE" }));
  expect(away.status).toBe(503);
  expect(await away.json()).toMatchObject({ code: "unavailable" });
  server?.close();
  const own = await ask(await failing("application/problem+json", { code: "internal" }));
  expect(own.status).toBe(500);
  expect(await own.json()).toEqual({ code: "internal" });
});
