import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError, api, authorizedFetch, SignedOutError } from "./client";
import { dropToken, getSubject, getToken } from "./token";

const START = Date.parse("2026-11-24T09:00:00Z");
type Answer = () => Response | Promise<Response>;

let issued = 0;
let answers: Answer[] = [];
let asked: { url: string; headers: Headers; method: string }[] = [];
let signedIn = true;
let lifetime = 900;

function token(subject: string): string {
  const exp = Math.floor(Date.now() / 1000) + lifetime;
  const part = (value: object) => btoa(JSON.stringify(value)).replaceAll("=", "");
  return `${part({})}.${part({ sub: subject, exp })}.${++issued}`;
}

const json = (status: number, body: unknown, headers = {}) =>
  new Response(JSON.stringify(body), { status, headers });

const problem = (status: number, code: string, headers = {}) =>
  json(status, { type: "", title: code, status, detail: `It is ${code}.`, code }, headers);

beforeEach(() => {
  vi.useFakeTimers({ now: START });
  vi.spyOn(Math, "random").mockReturnValue(0);
  issued = 0;
  answers = [];
  asked = [];
  signedIn = true;
  lifetime = 900;
  vi.stubGlobal("fetch", async (url: string, init: RequestInit = {}) => {
    if (url === "/auth/token") return signedIn ? json(200, { token: token("ann") }) : json(401, {});
    asked.push({ url, headers: new Headers(init.headers), method: init.method ?? "GET" });
    init.signal?.throwIfAborted();
    const answer = answers.shift();
    if (!answer) throw new TypeError("no connection");
    return answer();
  });
});

afterEach(async () => {
  dropToken(await getToken().catch(() => ""));
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a token is shared, kept, and renewed a minute before its end", async () => {
  const [one, two] = await Promise.all([getToken(), getToken()]);
  expect(one).toBe(two);
  vi.setSystemTime(START + 839_000);
  expect(await getToken()).toBe(one);
  vi.setSystemTime(START + 841_000);
  expect(await getToken()).not.toBe(one);
  expect(await getSubject()).toBe("ann");
});

test("a refused token is replaced once, and without a session the person is signed out", async () => {
  answers = [() => problem(401, "unauthorized"), () => json(200, { ok: 1 })];
  expect(await api("GET", "/api/ann/tasks")).toEqual({ ok: 1 });
  expect(new Set(asked.map(({ headers }) => headers.get("authorization"))).size).toBe(2);
  signedIn = false;
  answers = [() => problem(401, "unauthorized")];
  await expect(api("GET", "/api/ann/tasks")).rejects.toBeInstanceOf(SignedOutError);
});

test("a write is repeated under its key until it is answered, after the time it was told", async () => {
  answers = [
    () => Promise.reject(new TypeError("no connection")),
    () => problem(429, "too_many_requests", { "retry-after": "3" }),
    () => json(201, { task_id: "task-1" }),
  ];
  const done = api("POST", "/api/ann/tasks", { body: { title: "milk" } });
  await vi.advanceTimersByTimeAsync(400);
  expect(asked.length).toBe(2);
  await vi.advanceTimersByTimeAsync(2_900);
  expect(asked.length).toBe(2);
  await vi.advanceTimersByTimeAsync(200);
  expect(await done).toEqual({ task_id: "task-1" });
  const keys = asked.map(({ headers }) => headers.get("idempotency-key"));
  expect(keys[0]).toBeTruthy();
  expect(new Set(keys).size).toBe(1);
});

test("a refusal is told in the backend's words, at once", async () => {
  answers = [() => problem(422, "invalid")];
  const error = await api("POST", "/api/ann/tasks", { body: {} }).catch((e: ApiError) => e);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({
    status: 422,
    code: "invalid",
    detail: "It is invalid.",
    transient: false,
  });
  expect(asked.length).toBe(1);
});

test("what does not pass is told after the last try", async () => {
  const done = api("GET", "/api/ann/tasks", { tries: 3 }).catch((e: ApiError) => e);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await done).toMatchObject({ status: 0, code: "network", transient: true });
  expect(asked.length).toBe(3);
});

test("whoever gives up is not kept waiting", async () => {
  const giveUp = new AbortController();
  const done = api<never>("GET", "/api/ann/tasks", { signal: giveUp.signal }).catch(
    (e: ApiError) => e,
  );
  await vi.advanceTimersByTimeAsync(100);
  giveUp.abort();
  expect((await done).name).toBe("AbortError");
});

test("an answer of something in between still makes a sentence", async () => {
  answers = [() => new Response("<html>", { status: 413 })];
  const error = await api<never>("PUT", "/api/ann/profile", { body: {} }).catch((e: ApiError) => e);
  expect(error.detail).toBe("The request was refused.");
});

test("the stream's fetch has the token and no cached answer", async () => {
  answers = [() => json(200, {})];
  await authorizedFetch("/api/ann/events", { headers: { "last-event-id": "7" } });
  expect(asked[0]?.headers.get("last-event-id")).toBe("7");
  expect(asked[0]?.headers.get("authorization")).toMatch(/^Bearer /);
});
