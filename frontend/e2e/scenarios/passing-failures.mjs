// Failures that pass: nothing that was typed is lost, nothing is done twice, and the page says
// what is the matter.
import { addTask, api, assert, showTasks, taskIn, until, withoutLaterParts } from "../browser.mjs";
import { finished, log, say, userId } from "../talk.mjs";

export default async function (browser) {
  await offlineAndBack(browser);
  await missingPart(browser);
  await expiredToken(browser);
  await tooManyRequests(browser);
}

/** What is typed while there is no connection is sent once there is one. */
async function offlineAndBack(browser) {
  const { page } = await browser.newPerson("Olga", {
    tolerate: [/ERR_INTERNET_DISCONNECTED/, /when fetching the script/],
  });
  const banner = page.getByRole("banner").getByText("Offline");
  await addTask(page, "mow the lawn");
  await until("a task", async () => (await api(page, "GET", "/tasks")).body.total === 1);
  await page.context().setOffline(true);
  await banner.waitFor();
  await say(page, "add feed the cat");
  await addTask(page, "paint the door");
  await showTasks(page, "All");
  await taskIn(page, "paint the door").waitFor();
  await taskIn(page, "mow the lawn").click();
  await taskIn(page, "mow the lawn").waitFor({ state: "detached" });
  await page.getByText("2 changes wait here and will be sent when you are back.").waitFor();
  await browser.shoot(page, `offline-${browser.settings.way}`);
  await page.context().setOffline(false);
  await log(page).getByText("Added “feed the cat”").waitFor({ timeout: 60_000 });
  const told = async () => {
    const { body } = await api(page, "GET", "/tasks");
    return body.tasks.map(({ title, status }) => `${title}: ${status}`).sort();
  };
  const meant = "feed the cat: open,mow the lawn: done,paint the door: open";
  await until("each change is made, once", async () => (await told()).join() === meant);
  await banner.waitFor({ state: "detached" });
  await page.getByText("will be sent when you are back").waitFor({ state: "detached" });
}

/** A part of the page that could not be had comes once it can: nobody is left with half a page. */
async function missingPart(browser) {
  const { page } = await browser.newPerson("Mia", {
    tolerate: [/ChunkLoadError|Failed to load chunk|Loading chunk/, /when fetching the script/],
  });
  await addTask(page, "wash the car");
  await until("the task", async () => (await api(page, "GET", "/tasks")).body.total === 1);
  const edit = async () => {
    await showTasks(page, "All");
    await page.getByRole("button", { name: /^Edit: wash the car/ }).click();
  };
  // Given a page of which only that could be loaded with which it begins
  await withoutLaterParts(page, async (missed) => {
    await page.reload();
    await showTasks(page, "All");
    await until("parts that are missing", () => missed() > 0);
    await taskIn(page, "wash the car").waitFor();
    // When such a part is asked for, then the page loads itself anew; if that does not help, it says so
    const reloaded = page.waitForEvent("load");
    await edit();
    await reloaded;
    await edit();
    await page.getByRole("heading", { name: "This page cannot be shown at the moment" }).waitFor();
  });
  // And once the part can be had, all is well
  await page.getByRole("button", { name: "Try again" }).click();
  await edit();
  await page.getByRole("form", { name: "Edit wash the car" }).waitFor();
}

/** The token ends while somebody types: they get another, and then another, and notice nothing. */
async function expiredToken(browser) {
  const { page } = await browser.newPerson("Ed");
  await page.addInitScript(() => {
    const now = Date.now.bind(Date);
    globalThis.ahead = 0;
    Date.now = () => now() + globalThis.ahead;
  });
  await page.reload();
  await say(page, "add find the passport");
  await finished(page);
  const user = await userId(page);
  const expired = await browser.ask(`expired ${user}`);
  let [asked, refused] = [0, 0];
  page.on("response", (response) => {
    if (response.url().includes(`/api/${user}/`) && response.status() === 401) refused += 1;
  });
  // Given a token that has less than a minute left, and another in its place that is over already
  await page.route("**/auth/token", (route) => {
    asked += 1;
    return asked === 1 ? route.fulfill({ json: { token: expired } }) : route.continue();
  });
  await page.evaluate(() => {
    globalThis.ahead = 14.5 * 60_000;
  });
  // When they say something, then it is answered
  await say(page, "add renew the passport");
  await log(page).getByText("Added “renew the passport”").waitFor({ timeout: 60_000 });
  assert(refused === 1, `expired tokens were refused ${refused} times`);
  assert(asked > 1, "no other token was asked for");
  const { body } = await api(page, "GET", "/tasks");
  assert(body.total === 2, `${body.total} tasks instead of 2`);
}

/** Too many requests: the page says so, waits as long as it is told, and goes on by itself. */
async function tooManyRequests(browser) {
  const { page } = await browser.newPerson("Tom");
  const token = await page.evaluate(async () => (await (await fetch("/auth/token")).json()).token);
  const address = `${browser.settings.backend}/api/${await userId(page)}/push/key`;
  // Given a person of whom there are too many requests, from elsewhere
  let [spent, over] = [false, false];
  const ask = async () => {
    const answer = await fetch(address, { headers: { authorization: `Bearer ${token}` } });
    await answer.text();
    spent ||= answer.status === 429;
  };
  const asking = (async () => {
    while (!over) await Promise.all(Array.from({ length: 30 }, ask));
  })();
  try {
    await until("the limit", () => spent, 60_000);
    // When they say something, then they are told; now and then a message gets through before
    const told = log(page).getByText("Those were many messages in a short time.");
    let said = 0;
    const answered = () => log(page).getByText(`Added “slow down ${said}”`).count();
    const outcome = async () => (await told.count()) || (await answered());
    while (!(await told.count())) {
      said += 1;
      await say(page, `add slow down ${said}`);
      await until("a refusal or an answer", outcome, 60_000);
    }
    await browser.shoot(page, `too-many-${browser.settings.way}`);
    // And once there is room it is sent by itself
    over = true;
    await asking;
    await log(page).getByText(`Added “slow down ${said}”`).waitFor({ timeout: 60_000 });
    const tasks = () => api(page, "GET", "/tasks");
    await until("each task once", async () => (await tasks()).body?.total === said);
  } finally {
    over = true;
    await asking;
  }
}
