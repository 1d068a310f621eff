import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ApiError } from "@/lib/api/client";
import type { Message } from "@/lib/api/types";
import { MemoryStorage } from "./memory-storage";
import { Outbox, STALE_AFTER } from "./outbox";
import { ChatSessions } from "./sessions";
import { textOf } from "./types";

/** How the backend treats a request. */
type Act = "answers" | "breaks" | "hangs" | "unreachable" | "stumbles" | Response;

/** A backend with turns by key, as the real one: a repeat gets the same turn. */
class Backend {
  online = true;
  acts: Act[] = [];
  requests: { key: string; message: string; conversation_id?: string }[] = [];
  stored: Message[] = [];
  stops: string[] = [];
  /** The cursor of each page of messages that was asked for. */
  reads: (string | null)[] = [];
  readsFail = false;
  release: (() => void) | undefined;

  readonly fetch = (async (_url: RequestInfo | URL, init?: RequestInit) => {
    const body = JSON.parse(String(init?.body));
    const key = new Headers(init?.headers).get("idempotency-key") ?? "";
    this.requests.push({ key, ...body });
    const act = this.acts.shift() ?? "answers";
    if (act === "unreachable") throw new TypeError("Failed to fetch");
    if (act instanceof Response) return act;
    return this.#stream(key, body.message, act);
  }) as typeof fetch;

  readonly api = (async (method: string, path: string) => {
    if (method === "POST") {
      const turn_id = path.split("/").at(-2) ?? "";
      this.stops.push(turn_id);
      const said = { conversation_id: "conv", turn_id, tool_calls: [], provider: "server" };
      return { ...said, response: "Stopped. Nothing was changed.", stopped: true };
    }
    const query = new URLSearchParams(path.split("?")[1]);
    const cursor = query.get("cursor");
    this.reads.push(cursor);
    if (this.readsFail) throw new TypeError("Failed to fetch");
    // Newest first by page; a cursor names where the page after it ends.
    const end = Number(cursor ?? this.stored.length);
    const start = Math.max(0, end - Number(query.get("limit")));
    const next_cursor = start > 0 ? String(start) : null;
    return { messages: this.stored.slice(start, end), total: this.stored.length, next_cursor };
  }) as never;

  #stream(key: string, message: string, act: Act): Response {
    const turn_id = `turn-${key}`;
    const start = { conversation_id: "conv", turn_id };
    const begin = [
      { type: "start", messageId: turn_id, messageMetadata: start },
      { type: "text-start", id: "1" },
      { type: "text-delta", id: "1", delta: "You said " },
    ];
    const end = [
      { type: "text-delta", id: "1", delta: message },
      { type: "text-end", id: "1" },
      { type: "finish", messageMetadata: { ...start, provider: "offline" } },
    ];
    const error = { type: "error", errorText: "Please try again shortly." };
    const bytes = (parts: object[]) =>
      new TextEncoder().encode(parts.map((part) => `data: ${JSON.stringify(part)}\n\n`).join(""));
    const store = () => this.#store(turn_id, message);
    return new Response(
      new ReadableStream({
        start: (controller) => {
          controller.enqueue(bytes(begin));
          if (act === "hangs") {
            this.release = () => {
              controller.enqueue(bytes(end));
              store();
              controller.close();
            };
            return;
          }
          if (act === "breaks") {
            // After what came before it was read.
            setTimeout(() => controller.error(new TypeError("network error")), 0);
            return;
          }
          controller.enqueue(bytes(act === "stumbles" ? [error] : end));
          if (act === "answers") store();
          controller.close();
        },
      }),
      { headers: { "content-type": "text/event-stream" } },
    );
  }

  #store(turn_id: string, said: string) {
    if (this.stored.some((message) => message.turn_id === turn_id)) return;
    const shared = {
      turn_id,
      interrupted: false,
      stopped: false,
      created_at: "2026-11-24T09:00:00Z",
    };
    const index = this.stored.length;
    this.stored.push({ ...shared, index, role: "user", text: said });
    this.stored.push({ ...shared, index: index + 1, role: "assistant", text: `You said ${said}` });
  }
}

let backend: Backend;
let store: MemoryStorage;
let keys: number;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse("2026-11-24T09:00:00Z") });
  backend = new Backend();
  store = new MemoryStorage();
  keys = 0;
});
afterEach(() => {
  vi.useRealTimers();
});

/** A page as it is after loading it. */
function page(onStarted = vi.fn()) {
  const world = {
    userId: "ann",
    outbox: new Outbox("ann", store),
    api: backend.api,
    fetch: backend.fetch,
    isOnline: () => backend.online,
    timeZone: () => "Europe/Berlin",
    now: () => Date.now(),
    // The first names the conversation, the next the first message.
    newKey: () => `k${keys++}`,
  };
  const sessions = new ChatSessions(world);
  sessions.onStarted = onStarted;
  return sessions;
}

type Session = ReturnType<ChatSessions["fresh"]>;
const settle = () => vi.advanceTimersByTimeAsync(30_000);
const moment = () => vi.advanceTimersByTimeAsync(1);
const shown = (session: Session) => session.chat.messages.map(textOf);
const phase = (session: Session) => session.state().phase;
const sentKeys = () => backend.requests.map(({ key }) => key);

describe("a message", () => {
  test("is answered, and nothing of it is left to send", async () => {
    const onStarted = vi.fn();
    const session = page(onStarted).fresh();
    session.send("milk");
    await settle();
    expect(shown(session)).toEqual(["milk", "You said milk"]);
    expect(session.state()).toMatchObject({ conversationId: "conv", queue: [] });
    expect(onStarted).toHaveBeenCalledOnce();
    expect(store.length).toBe(0);
    expect(session.chat.messages.every(({ metadata }) => metadata?.index !== undefined)).toBe(true);
  });

  test("follows the one before it, in the conversation that one began", async () => {
    backend.acts = ["hangs"];
    const session = page().fresh();
    session.send("one");
    session.send("two");
    await moment();
    expect(backend.requests).toHaveLength(1);
    backend.release?.();
    await settle();
    expect(
      backend.requests.map(({ message, conversation_id }) => [message, conversation_id]),
    ).toEqual([
      ["one", undefined],
      ["two", "conv"],
    ]);
    expect(shown(session)).toEqual(["one", "You said one", "two", "You said two"]);
  });
});

describe("a connection that breaks", () => {
  test("in the middle of an answer is taken up again under the same key, without a double", async () => {
    backend.acts = ["breaks", "unreachable", "answers"];
    const session = page().fresh();
    session.send("milk");
    await moment();
    // Then what came is still shown, and the page says that it reconnects
    expect(shown(session)).toEqual(["milk", "You said "]);
    expect(phase(session)).toMatchObject({ name: "waiting", why: "connection" });
    await settle();
    expect(sentKeys()).toEqual(["k1", "k1", "k1"]);
    expect(shown(session)).toEqual(["milk", "You said milk"]);
    expect(phase(session)).toEqual({ name: "idle" });
  });

  test("is tried at once when the page hears that it is back", async () => {
    backend.acts = ["unreachable", "unreachable", "unreachable", "unreachable", "answers"];
    const sessions = page();
    const session = sessions.fresh();
    session.send("milk");
    for (let n = 0; n < 4; n++) {
      await moment();
      sessions.wake();
    }
    await moment();
    expect(shown(session)).toEqual(["milk", "You said milk"]);
  });

  test("for long leaves it to the person, and goes on when it is back", async () => {
    backend.acts = Array.from({ length: 12 }, () => "unreachable" as const);
    const sessions = page();
    const session = sessions.fresh();
    session.send("milk");
    await vi.advanceTimersByTimeAsync(600_000);
    expect(phase(session)).toMatchObject({ name: "failed", problem: { kind: "connection" } });
    sessions.wake();
    await settle();
    expect(new Set(sentKeys())).toEqual(new Set(["k1"]));
    expect(shown(session)).toEqual(["milk", "You said milk"]);
  });
});

describe("a reload in the middle of an answer", () => {
  test("asks again under the same key and shows everything once", async () => {
    // Given an answer that is coming in
    backend.acts = ["hangs"];
    page().fresh().send("milk");
    await moment();
    // When the page is loaded anew
    const sessions = page();
    const session = sessions.open("conv");
    void session.load();
    sessions.resume();
    await settle();
    // Then the answer comes
    expect(sentKeys()).toEqual(["k1", "k1"]);
    expect(backend.requests[1]).toEqual(backend.requests[0]);
    expect(shown(session)).toEqual(["milk", "You said milk"]);
    expect(store.length).toBe(0);
  });

  test("before the backend named the conversation finds it again", async () => {
    backend.acts = ["unreachable"];
    page().fresh().send("milk");
    await moment();
    const sessions = page();
    sessions.resume();
    const session = sessions.unnamed();
    await settle();
    expect(session && shown(session)).toEqual(["milk", "You said milk"]);
  });

  test("that comes after the answer was stored shows it once", async () => {
    // Given an answer that was complete, but the page never knew
    backend.acts = ["hangs"];
    const before = page().fresh();
    before.send("milk");
    await moment();
    backend.release?.();
    const kept = store.getItem("chat/ann/send/k1") ?? "";
    await settle();
    store.setItem("chat/ann/send/k1", kept.replace(/"turnId":"[^"]*",?/, "").replace(/,}/, "}"));
    // When it is loaded anew
    const sessions = page();
    const session = sessions.open("conv");
    await session.load();
    sessions.resume();
    await settle();
    expect(shown(session)).toEqual(["milk", "You said milk"]);
  });
});

describe("while offline", () => {
  test("what is written waits and is sent in order, once", async () => {
    backend.online = false;
    const sessions = page();
    const session = sessions.fresh();
    session.send("one");
    session.send("two");
    await moment();
    expect(phase(session)).toMatchObject({ name: "waiting", why: "offline" });
    expect(session.state().queue.map(({ text }) => text)).toEqual(["one", "two"]);
    expect(backend.requests).toEqual([]);
    backend.online = true;
    sessions.wake();
    await settle();
    expect(backend.requests.map(({ message }) => message)).toEqual(["one", "two"]);
    expect(shown(session)).toEqual(["one", "You said one", "two", "You said two"]);
  });

  test("a message can be taken back", async () => {
    backend.online = false;
    const session = page().fresh();
    session.send("one");
    session.send("two");
    await moment();
    expect(session.discard("k1")).toBe("one");
    backend.online = true;
    session.wake();
    await settle();
    expect(backend.requests.map(({ message }) => message)).toEqual(["two"]);
  });

  test("a message taken back in one tab is not sent by another that has it too", async () => {
    // Given two tabs that both have what waits
    backend.online = false;
    const session = page().fresh();
    session.send("one");
    session.send("two");
    session.send("three");
    await moment();
    const others = page();
    others.resume();
    const other = others.unnamed();
    // When one takes something back, then the other sends the rest, though it was not told
    session.discard("k2");
    session.discard("k3");
    await moment();
    backend.online = true;
    others.wake();
    await settle();
    expect(backend.requests.map(({ message }) => message)).toEqual(["one"]);
    expect(other && shown(other)).toEqual(["one", "You said one"]);
    expect(store.length).toBe(0);
  });

  test("and does not show there any more once that tab is told", async () => {
    backend.online = false;
    const session = page().fresh();
    session.send("one");
    session.send("two");
    await moment();
    const others = page();
    others.resume();
    session.discard("k1");
    others.noticeGone();
    expect(
      others
        .unnamed()
        ?.state()
        .queue.map(({ text }) => text),
    ).toEqual(["two"]);
  });

  test("what waits in a conversation that does not show can be found", async () => {
    backend.online = false;
    page().fresh().send("buy milk tomorrow");
    vi.setSystemTime(Date.now() + STALE_AFTER + 1);
    backend.online = true;
    const sessions = page();
    const waiting = sessions.unnamed();
    const shows = sessions.open("another");
    const heard = vi.fn();
    sessions.subscribe(heard);
    sessions.resume();
    await settle();
    expect(heard).toHaveBeenCalled();
    expect(sessions.stuckBeside(shows)).toBe(waiting);
    expect(waiting && sessions.stuckBeside(waiting)).toBeUndefined();
    waiting?.retry();
    await settle();
    expect(sessions.stuckBeside(shows)).toBeUndefined();
  });

  test("what has waited for half a day is only sent if it is still meant", async () => {
    backend.online = false;
    page().fresh().send("buy milk tomorrow");
    vi.setSystemTime(Date.now() + STALE_AFTER + 1);
    backend.online = true;
    const sessions = page();
    sessions.resume();
    await settle();
    const session = sessions.unnamed();
    expect(session && phase(session)).toEqual({ name: "stale" });
    expect(backend.requests).toEqual([]);
    session?.retry();
    await settle();
    expect(sentKeys()).toEqual(["k1"]);
  });

  test("so is what has waited in a page that was left open", async () => {
    backend.online = false;
    const sessions = page();
    const session = sessions.fresh();
    session.send("buy milk tomorrow");
    await vi.advanceTimersByTimeAsync(STALE_AFTER + 1);
    backend.online = true;
    sessions.wake();
    await settle();
    expect(phase(session)).toEqual({ name: "stale" });
    expect(backend.requests).toEqual([]);
    // Nor is it meant only because something else is
    session.send("and bread");
    sessions.wake();
    await settle();
    expect(phase(session)).toEqual({ name: "stale" });
    session.retry();
    await settle();
    expect(backend.requests.map(({ message }) => message)).toEqual([
      "buy milk tomorrow",
      "and bread",
    ]);
  });

  test("but nothing is asked about what another tab has dealt with meanwhile", async () => {
    backend.online = false;
    const session = page().fresh();
    session.send("buy milk tomorrow");
    await moment();
    const others = page();
    others.resume();
    const other = others.unnamed();
    session.discard("k1");
    await vi.advanceTimersByTimeAsync(STALE_AFTER + 1);
    backend.online = true;
    others.wake();
    await settle();
    expect(other?.state()).toMatchObject({ phase: { name: "idle" }, queue: [] });
    expect(backend.requests).toEqual([]);
  });

  test("so is what failed half a day ago, though the connection is back", async () => {
    backend.acts = Array.from({ length: 12 }, () => "unreachable" as const);
    const sessions = page();
    const session = sessions.fresh();
    session.send("buy milk tomorrow");
    await vi.advanceTimersByTimeAsync(600_000);
    expect(phase(session)).toMatchObject({ name: "failed", problem: { kind: "connection" } });
    vi.setSystemTime(Date.now() + STALE_AFTER);
    sessions.wake();
    await settle();
    expect(phase(session)).toEqual({ name: "stale" });
    expect(backend.requests).toHaveLength(12);
  });

  test("but what the backend has taken goes on, as it is known when it was said", async () => {
    backend.acts = ["breaks"];
    const sessions = page();
    const session = sessions.fresh();
    session.send("buy milk tomorrow");
    await moment();
    backend.online = false;
    await settle();
    expect(phase(session)).toMatchObject({ name: "waiting", why: "offline" });
    await vi.advanceTimersByTimeAsync(STALE_AFTER + 1);
    backend.online = true;
    sessions.wake();
    await settle();
    expect(shown(session)).toEqual(["buy milk tomorrow", "You said buy milk tomorrow"]);
  });
});

describe("a backend that asks for patience", () => {
  test.each([409, 429])("with %i is asked again after the wait it named", async (status) => {
    const problem = { status, title: "t", detail: "Wait.", code: "c" };
    backend.acts = [Response.json(problem, { status, headers: { "retry-after": "7" } })];
    const session = page().fresh();
    session.send("milk");
    await moment();
    const until = Date.parse("2026-11-24T09:00:07Z");
    expect(phase(session)).toMatchObject({ name: "waiting", why: "asked" });
    expect(Math.abs((phase(session) as { until: number }).until - until)).toBeLessThan(10);
    await vi.advanceTimersByTimeAsync(6_900);
    expect(backend.requests).toHaveLength(1);
    await settle();
    expect(sentKeys()).toEqual(["k1", "k1"]);
  });

  test("but stumbles again and again is left to the person, who tries under the same key", async () => {
    backend.acts = ["stumbles", "stumbles", "stumbles", "answers"];
    const session = page().fresh();
    session.send("milk");
    await settle();
    const problem = { kind: "stumbled", sentence: "Please try again shortly." };
    expect(phase(session)).toEqual({ name: "failed", problem });
    session.retry();
    await settle();
    expect(sentKeys()).toEqual(["k1", "k1", "k1", "k1"]);
    expect(shown(session)).toEqual(["milk", "You said milk"]);
  });
});

test("what is refused stays until the person takes it back, and the rest follows", async () => {
  const problem = { status: 422, title: "t", detail: "Too long.", code: "invalid" };
  backend.acts = [Response.json(problem, { status: 422 })];
  const session = page().fresh();
  session.send("one");
  session.send("two");
  await settle();
  expect(phase(session)).toMatchObject({ name: "failed", problem: { sentence: "Too long." } });
  expect(session.discard("k1")).toBe("one");
  await settle();
  expect(shown(session)).toEqual(["two", "You said two"]);
});

describe("stop", () => {
  test("shows the server's closing words", async () => {
    backend.acts = ["hangs"];
    const session = page().fresh();
    session.send("milk");
    await moment();
    await session.stop();
    expect(backend.stops).toEqual(["turn-k1"]);
    expect(shown(session)).toEqual(["milk", "Stopped. Nothing was changed."]);
    await moment();
    expect(phase(session)).toEqual({ name: "idle" });
    expect(store.length).toBe(0);
  });

  test("before the turn has a name stops it once it has", async () => {
    backend.acts = ["unreachable", "hangs"];
    const session = page().fresh();
    session.send("milk");
    await moment();
    await session.stop();
    expect(phase(session)).toEqual({ name: "stopping" });
    await settle();
    expect(backend.stops).toEqual(["turn-k1"]);
    expect(phase(session)).toEqual({ name: "idle" });
  });

  test("that does not arrive lets the answer go on", async () => {
    backend.acts = ["hangs"];
    const session = page().fresh();
    const failure = new ApiError({ status: 0, title: "t", detail: "d", code: "network" });
    const { api } = backend;
    session.send("milk");
    await moment();
    Object.assign(backend, { api });
    const stop = vi.spyOn(backend.stops, "push").mockImplementation(() => {
      throw failure;
    });
    await expect(session.stop()).rejects.toBe(failure);
    expect(phase(session)).toEqual({ name: "answering" });
    stop.mockRestore();
    backend.release?.();
    await settle();
    expect(shown(session)).toEqual(["milk", "You said milk"]);
  });
});

describe("older messages", () => {
  /** A conversation of three pages, of which the newest is read. */
  async function opened() {
    backend.stored = Array.from({ length: 70 }, (_, index) => ({
      turn_id: `turn-${index >> 1}`,
      index,
      role: index % 2 ? ("assistant" as const) : ("user" as const),
      text: `${index}`,
      interrupted: false,
      stopped: false,
      created_at: "2026-11-24T08:00:00Z",
    }));
    const session = page().open("conv");
    await session.load();
    return session;
  }
  const from = (first: number) => Array.from({ length: 70 - first }, (_, n) => `${first + n}`);

  test("are read page by page, each once", async () => {
    const session = await opened();
    expect(shown(session)).toEqual(from(40));
    // Asked for twice while it is being read, as by a list that scrolls
    await Promise.all([session.loadOlder(), session.loadOlder()]);
    expect(shown(session)).toEqual(from(10));
    expect(session.state().hasOlder).toBe(true);
    await session.loadOlder();
    expect(shown(session)).toEqual(from(0));
    expect(session.state().hasOlder).toBe(false);
    await session.loadOlder();
    expect(backend.reads).toEqual([null, "40", "10"]);
  });

  test("stay when the newest are read again", async () => {
    const session = await opened();
    await session.loadOlder();
    await session.refresh();
    expect(shown(session)).toEqual(from(10));
    await session.loadOlder();
    expect(shown(session)).toEqual(from(0));
  });

  test("that could not be read can be asked for again", async () => {
    const session = await opened();
    backend.readsFail = true;
    await expect(session.loadOlder()).rejects.toThrow("Failed to fetch");
    expect(shown(session)).toEqual(from(40));
    expect(session.state().hasOlder).toBe(true);
    backend.readsFail = false;
    await session.loadOlder();
    expect(shown(session)).toEqual(from(10));
    expect(backend.reads).toEqual([null, "40", "40"]);
  });
});

describe("what happens elsewhere", () => {
  test("shows up, and one's own answer is not read twice", async () => {
    const sessions = page();
    const session = sessions.fresh();
    session.send("milk");
    await settle();
    const own = { conversation_id: "conv", change: "message.added", turn_id: "turn-k1" };
    const read = vi.spyOn(session, "refresh");
    sessions.heard(own);
    expect(read).not.toHaveBeenCalled();
    // When another tab says something
    const shared = { interrupted: false, stopped: false, created_at: "2026-11-24T09:01:00Z" };
    backend.stored.push({ ...shared, index: 2, turn_id: "x", role: "user", text: "bread" });
    sessions.heard({ ...own, turn_id: "x" });
    await moment();
    expect(shown(session)).toEqual(["milk", "You said milk", "bread"]);
  });

  test("a page that said nothing itself reads anew after the feed was away", async () => {
    // Given a page in which a conversation is only looked at
    const said = { interrupted: false, stopped: false, created_at: "2026-11-24T09:01:00Z" };
    backend.stored.push({ ...said, index: 0, turn_id: "x", role: "user", text: "bread" });
    const sessions = page();
    const session = sessions.open("conv");
    await session.load();
    // When something is said elsewhere while nobody tells of it
    backend.stored.push({ ...said, index: 1, turn_id: "y", role: "user", text: "salt" });
    sessions.refresh();
    await moment();
    // Then it shows
    expect(shown(session)).toEqual(["bread", "salt"]);
  });

  test("a deleted conversation gives back what waited for it", async () => {
    const sessions = page();
    const session = sessions.open("conv");
    backend.online = false;
    session.send("milk");
    sessions.heard({ conversation_id: "conv", change: "conversation.deleted" });
    await moment();
    backend.online = true;
    sessions.wake();
    await settle();
    expect(session.state()).toMatchObject({ gone: true, phase: { name: "idle" } });
    expect(session.takeAll()).toBe("milk");
    expect(store.length).toBe(0);
  });
});
