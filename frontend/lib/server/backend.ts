import "server-only";

/**
 * Headers of a request that are the backend's business; all others stay here, cookies too.
 *
 * So does `x-forwarded-for`: Next.js keeps what a request brings and tells nobody the peer's address,
 * so anybody could be anybody. By this way all come from the page's address (docs/operate.md).
 */
const ASKED = [
  "accept",
  "authorization",
  // With a length the sidecar need not take the body for a stream, which it could not send again.
  "content-length",
  "content-type",
  "idempotency-key",
  "last-event-id",
  "traceparent",
];
/** Headers of an answer that are the browser's business. */
const ANSWERED = [
  "cache-control",
  "content-disposition",
  "content-type",
  "etag",
  "retry-after",
  "traceparent",
  "x-vercel-ai-ui-message-stream",
];

const STREAM = "text/event-stream";
const PROBLEM = "application/problem+json";

/** How the backend is reached: an address to put before the path, and what opens it. */
export interface Way {
  base: string;
  headers: Record<string, string>;
}

/**
 * By Dapr service invocation when there is a sidecar, which knows the replicas and speaks mTLS to
 * theirs; else straight to `BACKEND_URL`. Read at run time, so that one image fits everywhere.
 */
export function wayToBackend(env: NodeJS.ProcessEnv = process.env): Way {
  const port = env.DAPR_HTTP_PORT;
  if (!port) return { base: env.BACKEND_URL ?? "http://127.0.0.1:8000", headers: {} };
  const app = env.BACKEND_APP_ID ?? "backend";
  return {
    base: `http://127.0.0.1:${port}/v1.0/invoke/${app}/method`,
    headers: env.DAPR_API_TOKEN ? { "dapr-api-token": env.DAPR_API_TOKEN } : {},
  };
}

/**
 * Hands a request under `/api/` on and streams the answer back. When the browser goes away, so
 * does the request to the backend.
 */
export async function handOn(request: Request, way: Way = wayToBackend()): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const headers = { ...picked(request.headers, ASKED), ...way.headers };
  // Of a request for a stream and nothing else the sidecar turns every refusal into a 500.
  if (headers.accept === STREAM) headers.accept = `${STREAM}, */*;q=0.1`;
  const init: RequestInit & { duplex: "half" } = {
    method: request.method,
    headers,
    body: request.body,
    duplex: "half",
    redirect: "manual",
    cache: "no-store",
    signal: request.signal,
  };
  try {
    const answer = await fetch(`${way.base}${pathname}${search}`, init);
    const headers = new Headers(picked(answer.headers, ANSWERED));
    if (answer.status >= 500 && !headers.get("content-type")?.startsWith(PROBLEM)) {
      // Of the sidecar: it found no backend that answers. What that says is none of the browser's.
      await answer.body?.cancel();
      return unavailable();
    }
    if (headers.get("content-type")?.startsWith(STREAM)) {
      // Neither this server's compression nor a proxy may hold pieces back.
      headers.set("cache-control", "no-store, no-transform");
      headers.set("x-accel-buffering", "no");
    }
    return new Response(answer.body, { status: answer.status, headers });
  } catch {
    if (request.signal.aborted) return new Response(null, { status: 499 });
    return unavailable();
  }
}

function picked(headers: Headers, names: string[]): Record<string, string> {
  const found = names.map((name) => [name, headers.get(name)]);
  return Object.fromEntries(found.filter(([, value]) => value !== null));
}

/** In the form in which the backend itself would say it. */
function unavailable(): Response {
  const problem = {
    type: "/problems/unavailable",
    title: "Temporarily unavailable",
    status: 503,
    detail: "This is not possible at the moment. Please try again shortly.",
    code: "unavailable",
  };
  const headers = { "content-type": PROBLEM, "retry-after": "1" };
  return new Response(JSON.stringify(problem), { status: 503, headers });
}
