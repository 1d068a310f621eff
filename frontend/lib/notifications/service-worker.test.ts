import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { REMINDER_LOOK } from "./notify";

const SOURCE = readFileSync(join(import.meta.dirname, "../../public/sw.js"), "utf8");
const NOW = Date.parse("2026-11-24T09:00:00Z");

interface Shown {
  title: string;
  tag: string;
}

/** The service worker in a browser that the test plays. */
function browser({ subject = "ann", pages = [] as string[], task = {} } = {}) {
  const handlers = new Map<string, (event: unknown) => void>();
  const shown: Shown[] = [];
  const looks: object[] = [];
  const asked: string[] = [];
  const opened: string[] = [];
  const stored: string[] = [];
  let online = true;
  const token = `h.${btoa(JSON.stringify({ sub: subject }))}.s`;
  const answer = async (
    input: string | { url: string },
    init?: { method?: string; body?: string },
  ) => {
    if (!online) throw new TypeError("Failed to fetch");
    const path = typeof input === "string" ? input : new URL(input.url).pathname;
    if (path === "/auth/token") return Response.json({ token });
    if (path.startsWith("/api/")) {
      asked.push([init?.method, path, init?.body].filter(Boolean).join(" "));
      return Response.json(task);
    }
    return new Response(`page ${path}`);
  };
  const self = {
    addEventListener: (type: string, handler: (event: unknown) => void) =>
      handlers.set(type, handler),
    location: { origin: "https://todo.test" },
    skipWaiting: async () => {},
    clients: {
      claim: async () => {},
      matchAll: async () =>
        pages.map((visibilityState) => ({ visibilityState, focus: async () => {} })),
      openWindow: async (url: string) => void opened.push(url),
    },
    registration: {
      showNotification: async (title: string, options: { tag: string; data: unknown }) => {
        const { tag, data: _, ...look } = options;
        shown.push({ title, tag });
        looks.push(look);
      },
    },
  };
  const cache = {
    addAll: async (requests: { url: string }[]) => {
      stored.push(...requests.map(({ url }) => new URL(url).pathname));
    },
    match: async () => undefined,
    put: async (request: { url: string }) => void stored.push(new URL(request.url).pathname),
    keys: async () => [],
  };
  const caches = {
    open: async () => cache,
    match: async (path: string) =>
      stored.includes(path) ? new Response("offline page") : undefined,
  };
  class ShellRequest {
    url: string;
    constructor(path: string) {
      this.url = `https://todo.test${path}`;
    }
  }
  const RealDate = Date;
  const FixedDate = class extends RealDate {
    static override now = () => NOW;
  };
  runInNewContext(SOURCE, {
    self,
    caches,
    fetch: answer,
    Request: ShellRequest,
    Response,
    URL,
    Date: FixedDate,
    crypto,
    atob,
  });
  /** Fires an event and waits for what it starts. */
  async function fire(type: string, fields: Record<string, unknown>) {
    let work: Promise<unknown> = Promise.resolve();
    let response: Promise<Response> | undefined;
    const event = {
      ...fields,
      waitUntil: (promise: Promise<unknown>) => {
        work = promise;
      },
      respondWith: (promise: Promise<Response>) => {
        response = promise;
      },
    };
    handlers.get(type)?.(event);
    await work;
    return response;
  }
  const push = (event_id: string) =>
    fire("push", { data: { json: () => ({ event_id, task_id: "task-3", title: "milk" }) } });
  const click = (action: string, user_id = "ann") =>
    fire("notificationclick", {
      action,
      notification: { close: () => {}, data: { user_id, task_id: "task-3" } },
    });
  const visit = (path: string, mode = "navigate") =>
    fire("fetch", { request: { method: "GET", mode, url: `https://todo.test${path}` } });
  return {
    fire,
    push,
    click,
    visit,
    shown,
    looks,
    asked,
    opened,
    stored,
    lose: () => {
      online = false;
    },
  };
}

describe("a pushed reminder", () => {
  it("shows, under the tag by which the page would show it", async () => {
    const { push, shown } = browser({ pages: ["hidden"] });
    await push("User/ann/17/0");
    expect(shown).toEqual([{ title: "milk", tag: "reminder/ann/17/task-3" }]);
  });

  it("looks as the page would show it", async () => {
    const { push, looks } = browser();
    await push("User/ann/17/0");
    expect(looks).toEqual([REMINDER_LOOK]);
  });

  it("is left to a page that somebody looks at", async () => {
    const { push, shown } = browser({ pages: ["hidden", "visible"] });
    await push("User/ann/17/0");
    expect(shown).toEqual([]);
  });

  it("of another kind is left", async () => {
    const { push, fire, shown } = browser();
    await push("Conversation/ann~c/17/0");
    await fire("push", { data: null });
    expect(shown).toEqual([]);
  });
});

describe("a notification's buttons", () => {
  it("complete the task", async () => {
    const { click, asked, opened } = browser();
    await click("done");
    expect(asked).toEqual(["POST /api/ann/tasks/task-3/complete"]);
    expect(opened).toEqual([]);
  });

  it.each([
    [{ due_at: "2026-11-24T09:00:00Z" }, '{"due_at":"2026-11-24T09:10:00.000Z","due_date":null}'],
    [
      { due_at: "2026-11-24T09:30:00Z", reminder_offset_minutes: 30 },
      '{"reminder_offset_minutes":20}',
    ],
    [
      { due_at: "2026-11-24T09:30:00Z", reminder_offset_minutes: 30, recurrence: {} },
      '{"due_at":"2026-11-24T09:40:00.000Z","due_date":null}',
    ],
  ])("snooze it as the page does", async (task, patch) => {
    const { click, asked } = browser({ task: { status: "open", ...task } });
    await click("snooze");
    expect(asked.at(-1)).toBe(`PATCH /api/ann/tasks/task-3 ${patch}`);
  });

  it("touch nobody else's tasks and open the page instead", async () => {
    const { click, asked, opened } = browser({ subject: "bob" });
    await click("done");
    expect(asked).toEqual([]);
    expect(opened).toEqual(["/"]);
  });
});

describe("without a connection", () => {
  it("a visit gets the page that says so", async () => {
    const { fire, visit, lose } = browser();
    await fire("install", {});
    lose();
    const response = await visit("/");
    expect(await response?.text()).toBe("offline page");
    expect(response?.headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  it("nothing of a person is ever stored", async () => {
    const { fire, visit, stored } = browser();
    await fire("install", {});
    for (const path of ["/", "/settings", "/sign-in", "/auth/token"]) await visit(path);
    for (const path of ["/api/ann/tasks", "/auth/token", "/_next/data"]) {
      expect(await visit(path, "cors")).toBeUndefined();
    }
    expect(stored).toEqual(["/offline.html", "/offline.css", "/offline.js", "/icons/icon.svg"]);
  });

  it("built files come from where they were kept", async () => {
    const { visit, stored } = browser();
    await visit("/_next/static/chunks/a.js", "no-cors");
    await Promise.resolve();
    expect(stored).toEqual(["/_next/static/chunks/a.js"]);
  });
});
