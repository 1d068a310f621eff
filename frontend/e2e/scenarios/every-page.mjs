// Every page, in both themes: accessible, and with its picture taken at three widths.
import {
  accessible,
  addTask,
  api,
  say,
  showChat,
  showTasks,
  taskIn,
  until,
  withoutLaterParts,
} from "../browser.mjs";
import { dayIn, reminder, taskNamed } from "../list.mjs";
import { said } from "../talk.mjs";

const WIDTHS = [
  [360, 740],
  [768, 1024],
  [1440, 900],
];

/** What the browser says when parts of a page, or the connection, are taken away. */
const TOLERATED = [/[Cc]hunk/, /ERR_INTERNET_DISCONNECTED/, /when fetching the script/];

/** What is wrong with pages: all of it is told at once. */
const wrong = [];

export default async function (browser) {
  const { page: first, email } = await browser.newPerson("Ann");
  await fill(first);
  for (const colorScheme of ["light", "dark"]) {
    const stranger = await browser.window({ colorScheme });
    for (const path of ["sign-in", "sign-up", "nowhere"]) {
      await look(browser, stranger, `/${path}`, `${path}-${colorScheme}`);
    }
    const page = await browser.signIn(email, { colorScheme, tolerate: TOLERATED });
    const [conversation] = (await api(page, "GET", "/conversations")).body.items;
    const chat = `/?c=${conversation.conversation_id}`;
    await look(browser, page, chat, `chat-${colorScheme}`, ready);
    await page.getByRole("button", { name: /^Dismiss the reminder/ }).click();
    await look(browser, page, chat, `tasks-${colorScheme}`, async () => {
      await showTasks(page, "All");
      await taskIn(page, "fix the bike").waitFor();
    });
    await look(browser, page, "/settings", `settings-${colorScheme}`);
    const { page: fresh } = await browser.newPerson("Newcomer", { colorScheme });
    await look(browser, fresh, "/", `first-visit-${colorScheme}`, async () => {
      await fresh.getByText("Reading your tasks").waitFor({ state: "detached" });
    });
    await conversations(browser, page, colorScheme);
    await offlinePage(browser, page, colorScheme);
    await brokenPage(browser, page, colorScheme);
  }
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
}

/** Something of everything. */
async function fill(page) {
  const day = (days, hour) => {
    const at = new Date(Date.now() + days * 86_400_000);
    at.setUTCHours(hour, 0, 0, 0);
    return at.toISOString();
  };
  // Nothing can be added as overdue: it falls due while the rest is said.
  const soon = new Date(Date.now() + 2_000).toISOString();
  const tasks = [
    { title: "Send the quarterly report to Maria", due_at: soon, priority: "high" },
    {
      title: "Water the plants",
      due_date: day(0, 9).slice(0, 10),
      recurrence: "FREQ=WEEKLY;BYDAY=MO,TH",
      tags: ["home"],
    },
    { title: "Pay the rent", due_date: dayIn(0) },
    { title: "Dentist", due_at: day(3, 13), notes: "Bring the insurance card.", tags: ["health"] },
    {
      title:
        "Book a table for eight people at the Italian place round the corner, near the window if they have one",
      due_at: day(5, 17),
      tags: ["family", "birthday"],
    },
    { title: "Read “A Philosophy of Software Design”", priority: "low" },
  ];
  for (const task of tasks) {
    const { status, body } = await api(page, "POST", "/tasks", task);
    if (status !== 201) throw new Error(`${task.title} is not added: ${body.detail}`);
  }
  await say(page, "add buy milk tomorrow at 9am and add call grandma on sunday");
  await page.getByText("Added “call grandma”").waitFor();
  await say(page, "what is due this week?");
  // Whatever day it is, today belongs to the week.
  await page.getByRole("log").getByText("“Pay the rent”").waitFor();
  await addTask(page, "fix the bike tomorrow #home !high");
  await showTasks(page, "Overdue");
  await taskIn(page, "Send the quarterly report to Maria, overdue").waitFor();
}

async function ready(page) {
  await reminder(page, "Send the quarterly report to Maria").waitFor();
  await said(page).filter({ hasText: "add buy milk tomorrow at 9am" }).waitFor();
}

/** The conversations, which on a phone stand in a drawer. */
async function conversations(browser, page, colorScheme) {
  const [width, height] = WIDTHS[0];
  await page.setViewportSize({ width, height });
  await page.goto(browser.url);
  await showChat(page);
  await page.getByRole("button", { name: "Conversations", exact: true }).click();
  const drawer = page.getByRole("dialog");
  await drawer.getByText("add buy milk").first().waitFor();
  await judge(browser, page, `drawer-${colorScheme}`, width);
  await page.keyboard.press("Escape");
}

/** What stands there when a part of the page cannot be had, and loading it anew did not help. */
async function brokenPage(browser, page, colorScheme) {
  await withoutLaterParts(page, async (missed) => {
    const edit = async () => {
      await showTasks(page, "All");
      await page.getByRole("button", { name: /^Edit: fix the bike/ }).click();
    };
    await page.goto(browser.url);
    await until("parts that are missing", () => missed() > 0);
    const reloaded = page.waitForEvent("load");
    await edit();
    await reloaded;
    await edit();
    await page.getByRole("heading", { name: "This page cannot be shown at the moment" }).waitFor();
    await atEveryWidth(browser, page, `broken-${colorScheme}`);
  });
}

/** What the service worker shows without a connection. */
async function offlinePage(browser, page, colorScheme) {
  await page.goto(browser.url);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await showChat(page);
  await page.context().setOffline(true);
  await page.getByRole("banner").getByText("Offline").waitFor();
  const title = `something ${colorScheme} that waits`;
  await say(page, `add ${title}`);
  await page.goto(`${browser.url}/settings`);
  await page.getByRole("heading", { name: "You are offline" }).waitFor();
  await page.getByText("1 message waits in this browser").waitFor();
  await atEveryWidth(browser, page, `offline-page-${colorScheme}`);
  await page.context().setOffline(false);
  await page.getByRole("heading", { name: "Settings" }).waitFor();
  // It is sent from there too.
  await until("the task", () => taskNamed(page, title));
}

/** Looks at a page at three widths, loading it for each. */
async function look(browser, page, path, name, shown = async () => {}) {
  for (const [width, height] of WIDTHS) {
    await page.setViewportSize({ width, height });
    await page.goto(browser.url + path);
    await page.waitForLoadState("load");
    if (name.startsWith("chat")) await showChat(page);
    await shown(page);
    await judge(browser, page, name, width);
  }
}

/** Looks at what is shown now at three widths. */
async function atEveryWidth(browser, page, name) {
  for (const [width, height] of WIDTHS) {
    await page.setViewportSize({ width, height });
    await judge(browser, page, name, width);
  }
}

async function judge(browser, page, name, width) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  if (wide) throw new Error(`${name} is wider than ${width} px`);
  await accessible(page, `${name} at ${width} px`).catch((error) => wrong.push(error.message));
  await browser.shoot(page, `${name}-${width}`);
}
