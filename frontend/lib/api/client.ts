import { ApiError, errorOf, networkError } from "./error";
import { dropToken, getToken, SignedOutError } from "./token";

export { ApiError, SignedOutError };

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface ApiOptions {
  /** Sent as JSON. */
  body?: unknown;
  /** Idempotency-Key of a write; a fresh one unless given. The same key never does a thing twice. */
  key?: string;
  signal?: AbortSignal;
  /** How often to try in all while the failure may pass; 4 unless given. */
  tries?: number;
}

/** Longest wait between two tries, in seconds. */
const LONGEST_WAIT = 20;

/** A fresh Idempotency-Key. */
export function newKey(): string {
  return crypto.randomUUID();
}

/**
 * Asks the backend and returns its JSON answer; undefined for an empty one.
 *
 * What may pass (no connection, 429, 502–504) is tried again, after `Retry-After` if it was given.
 * That is safe for writes as well: all tries carry the same key.
 *
 * @throws {ApiError} the backend refused, or could not be reached
 * @throws {SignedOutError} the session is over
 */
export async function api<T>(method: Method, path: string, options: ApiOptions = {}): Promise<T> {
  const { body, signal, tries = 4 } = options;
  const headers: Record<string, string> = { accept: "application/json" };
  if (method !== "GET") headers["idempotency-key"] = options.key ?? newKey();
  if (body !== undefined) headers["content-type"] = "application/json";
  const init: RequestInit = {
    method,
    headers,
    signal,
    body: body === undefined ? undefined : JSON.stringify(body),
  };
  for (let tried = 1; ; tried++) {
    try {
      const response = await authorizedFetch(path, init);
      if (!response.ok) throw await errorOf(response);
      const text = await response.text();
      return (text ? JSON.parse(text) : undefined) as T;
    } catch (error) {
      const failure = asFailure(error, signal);
      if (!(failure instanceof ApiError && failure.transient) || tried >= tries) throw failure;
      await pause(waitBefore(tried, failure.retryAfter), signal);
    }
  }
}

/**
 * `fetch` with the token; once more with a new one when the backend refuses it.
 *
 * @throws {SignedOutError} the session is over
 * @throws {TypeError} there is no connection
 */
export async function authorizedFetch(
  input: RequestInfo | URL,
  init: RequestInit = {},
): Promise<Response> {
  const attempt = async (token: string) => {
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${token}`);
    return fetch(input, { cache: "no-store", credentials: "same-origin", ...init, headers });
  };
  const token = await getToken();
  const response = await attempt(token);
  if (response.status !== 401) return response;
  await response.body?.cancel();
  dropToken(token);
  return attempt(await getToken());
}

function asFailure(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted || error instanceof ApiError || error instanceof SignedOutError) return error;
  // Whatever fetch throws but for an abort means that there was no answer, or half of one.
  return error instanceof DOMException && error.name === "AbortError" ? error : networkError();
}

/** Milliseconds before the next try: what the server asked for, else twice as long each time. */
function waitBefore(tried: number, retryAfter: number | undefined): number {
  const seconds = retryAfter ?? 0.4 * 2 ** (tried - 1);
  // Apart from each other, so that all tabs do not come back at the same moment.
  return Math.min(seconds, LONGEST_WAIT) * 1000 + Math.random() * 250;
}

/** Waits, or rejects with the signal's reason when aborted. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
