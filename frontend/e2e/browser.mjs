// A browser and the people in front of it.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import axe from "axe-core";
import { chromium } from "playwright-core";

const ARGS = [
  "--no-sandbox",
  "--disable-dev-shm-usage",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Milliseconds that anything may take to happen: the machine is shared with all servers. */
const PATIENCE = 45_000;

/** Who signs up gets this. */
export const PASSWORD = "correct horse battery";

export class Browser {
  #browser;
  #settings;
  #pages = [];
  #complaints = [];
  #answers;

  static async launch(settings) {
    const browser = new Browser();
    browser.#settings = settings;
    browser.#browser = await chromium.launch({ executablePath: settings.chromium, args: ARGS });
    mkdirSync(settings.shots, { recursive: true });
    browser.#answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    return browser;
  }

  get url() {
    return this.#settings.url;
  }

  get settings() {
    return this.#settings;
  }

  /** Has the other side do something, such as `kill backend-1`, and returns what it answers. */
  async ask(what) {
    console.log(`> ${what}`);
    const { value } = await this.#answers.next();
    if (value.startsWith("error: ")) throw new Error(`${what}: ${value}`);
    return value;
  }

  /**
   * A window of its own, with its own cookies. Whatever breaks the page's policy, fails in it or
   * leads elsewhere is kept for `check`.
   */
  async window(options = {}) {
    const { tolerate = [], ...rest } = options;
    const context = await this.#browser.newContext({
      viewport: { width: 1280, height: 800 },
      locale: "en-GB",
      timezoneId: "Europe/Berlin",
      reducedMotion: "reduce",
      ...rest,
    });
    const page = await context.newPage();
    return this.#watched(page, tolerate);
  }

  #watched(page, tolerate = []) {
    page.setDefaultTimeout(PATIENCE);
    const complain = (what) => {
      if (!tolerate.some((pattern) => pattern.test(what))) this.#complaints.push(what);
    };
    page.on("pageerror", (error) => complain(`error in the page: ${error.stack}`));
    page.on("console", (message) => {
      // A failed request is told twice, and some of them are the scenario's doing.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        complain(`the page complains: ${message.text()}`);
      }
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      const own =
        url.origin === new URL(this.url).origin || ["data:", "blob:"].includes(url.protocol);
      if (!own) complain(`a request to somebody else: ${request.url()}`);
    });
    this.#pages.push(page);
    return page;
  }

  /**
   * Another page of the same person, in a window of its own: a tab behind another one is drawn once
   * a second, and whoever presses something there waits for that.
   */
  async another(page) {
    const context = page.context();
    const ofPage = await context.newCDPSession(page);
    const { targetInfo } = await ofPage.send("Target.getTargetInfo");
    const ofBrowser = await this.#browser.newBrowserCDPSession();
    const [another] = await Promise.all([
      context.waitForEvent("page"),
      ofBrowser.send("Target.createTarget", {
        url: "about:blank",
        newWindow: true,
        browserContextId: targetInfo.browserContextId,
      }),
    ]);
    return this.#watched(another);
  }

  /** A window in which a new person has just signed up. */
  async newPerson(name, options = {}) {
    const page = await this.window(options);
    const email = `${name.toLowerCase()}-${Date.now()}-${Math.floor(Math.random() * 1e6)}@example.com`;
    await page.goto(`${this.url}/sign-up`);
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("Email").fill(email);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: "Create account" }).click();
    await page.waitForURL(`${this.url}/`);
    return { page, email };
  }

  /** Signs somebody in who has signed up before. */
  async signIn(email, options = {}) {
    const page = await this.window(options);
    await page.goto(`${this.url}/sign-in`);
    await page.getByLabel("Email").fill(email);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(`${this.url}/`);
    return page;
  }

  /** Keeps a picture. */
  async shoot(page, name) {
    await page.screenshot({ path: join(this.#settings.shots, `${name}.png`) });
  }

  /** What every window shows, as a picture and in words: a log may be all that is left. */
  async shootAll(name) {
    for (const [n, page] of this.#pages.entries()) {
      await this.shoot(page, `${name}-${n + 1}`).catch(() => {});
      const words = await page.locator("body").ariaSnapshot().catch(String);
      console.log(`# window ${n + 1} at ${page.url()}\n${words}`);
    }
  }

  /** Fails when something complained that no scenario expected. */
  check() {
    if (this.#complaints.length) throw new Error(this.#complaints.join("\n"));
  }

  async close() {
    await this.#browser.close();
  }
}

/** Waits until the page listens: before that nobody can press, hear or tell it anything. */
export async function listens(page) {
  await page.locator("[inert]").first().waitFor({ state: "detached" });
}

/** Fails unless axe-core finds nothing to complain about. */
export async function accessible(page, where) {
  await listens(page);
  await page.evaluate(axe.source);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await page.evaluate(
    (values) => globalThis.axe.run(document, { runOnly: { type: "tag", values } }),
    tags,
  );
  const told = violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}\n  ${node.target}\n  ${node.failureSummary}`),
  );
  if (told.length) throw new Error(`${where} is not accessible:\n${told.join("\n")}`);
}

/** Asks the backend as the page does, with the page's cookies. */
export async function api(page, method, path, body) {
  return page.evaluate(
    async ([method, path, body]) => {
      const { token } = await (await fetch("/auth/token")).json();
      const { sub } = JSON.parse(
        atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")),
      );
      const response = await fetch(`/api/${sub}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          "content-type": "application/json",
          "idempotency-key": crypto.randomUUID(),
        },
        body: body && JSON.stringify(body),
      });
      const text = await response.text();
      return { status: response.status, body: text ? JSON.parse(text) : undefined };
    },
    [method, path, body],
  );
}

/** Says something in the chat. */
export async function say(page, text) {
  await showChat(page);
  const message = page.getByRole("textbox", { name: "Message" });
  await message.fill(text);
  await message.press("Enter");
}

/** Shows the chat, where there is room for chat or tasks only. */
export async function showChat(page) {
  const chat = page.getByRole("button", { name: "Chat", exact: true });
  if (await chat.isVisible()) await chat.click();
}

/** Shows the tasks, those of one view: Today, Upcoming, Overdue, Done or All. */
export async function showTasks(page, view) {
  const tasks = page.getByRole("button", { name: "Tasks", exact: true });
  if (await tasks.isVisible()) await tasks.click();
  await page.getByRole("tab", { name: new RegExp(`^${view}\\b`) }).click();
}

/** Adds a task with the line above the list. */
export async function addTask(page, text) {
  await showTasks(page, "Today");
  const line = page.getByLabel("New task");
  await line.fill(text);
  await line.press("Enter");
}

/** A task in the list, by its title. */
export function taskIn(page, title) {
  return page.getByRole("checkbox", { name: new RegExp(`^${title}`) });
}

/**
 * Does something while only those parts of the page can be loaded with which it begins. `action` is
 * given a function that says how many others were asked for.
 */
export async function withoutLaterParts(page, action) {
  const begins = await (await page.context().request.get(new URL("/", page.url()).href)).text();
  const chunks = "**/_next/static/chunks/**";
  let missed = 0;
  const cut = (route) => {
    if (begins.includes(new URL(route.request().url()).pathname)) return route.continue();
    missed += 1;
    return route.abort();
  };
  await page.context().route(chunks, cut);
  await page.evaluate(async () => {
    for (const name of await caches.keys()) await caches.delete(name);
  });
  await action(() => missed);
  await page.context().unroute(chunks, cut);
}

/** Waits until `condition` gives something true. */
export async function until(what, condition, limit = PATIENCE) {
  const end = Date.now() + limit;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${limit} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export function assert(holds, what) {
  if (!holds) throw new Error(what);
}
