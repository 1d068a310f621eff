// Every page, in both themes: accessible, and with its picture taken at three widths.
import { accessible, addTask, api, say, showChat, showTasks, taskIn } from "../browser.mjs";
import { reminder } from "../list.mjs";
import { said } from "../talk.mjs";

const WIDTHS = [
  [360, 740],
  [768, 1024],
  [1440, 900],
];

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
    const page = await browser.signIn(email, { colorScheme });
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
  await page.getByRole("log").getByText("“Send the quarterly report to Maria”").waitFor();
  await addTask(page, "fix the bike tomorrow #home !high");
  await showTasks(page, "Overdue");
  await taskIn(page, "Send the quarterly report to Maria, overdue").waitFor();
}

async function ready(page) {
  await reminder(page, "Send the quarterly report to Maria").waitFor();
  await said(page).filter({ hasText: "add buy milk tomorrow at 9am" }).waitFor();
}

/** Looks at a page at three widths. */
async function look(browser, page, path, name, until = async () => {}) {
  for (const [width, height] of WIDTHS) {
    await page.setViewportSize({ width, height });
    await page.goto(browser.url + path);
    await page.waitForLoadState("load");
    if (name.startsWith("chat")) await showChat(page);
    await until(page);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    if (wide) throw new Error(`${name} is wider than ${width} px`);
    await accessible(page, `${name} at ${width} px`).catch((error) => wrong.push(error.message));
    await browser.shoot(page, `${name}-${width}`);
  }
}
