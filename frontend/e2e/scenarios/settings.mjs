// Setting the page up: time zone, theme, notifications; taking one's data along, and the end.
import { readFileSync } from "node:fs";
import {
  accessible,
  addTask,
  api,
  assert,
  PASSWORD,
  showTasks,
  taskIn,
  until,
} from "../browser.mjs";
import { message } from "../list.mjs";
import { finished, say } from "../talk.mjs";

export default async function (browser) {
  const { page, email } = await browser.newPerson("Ann");
  await say(page, "add buy milk tomorrow at 9am");
  await finished(page);
  await timeZone(browser, email);
  await theme(browser, page);
  await notifications(browser, page);
  await takeAlong(page, email);
  await end(browser, page, email);
}

const section = (page, name) => page.getByRole("region", { name });

/** Somebody away from home is asked whose clock is meant, once, and chooses in the settings. */
async function timeZone(browser, email) {
  const away = await browser.signIn(email, { timezoneId: "America/New_York" });
  await showTasks(away, "All");
  const times = async (text) => taskIn(away, `buy milk, ${text}`).waitFor();
  await times("Tomorrow, 09:00");
  const hint = away.getByText("Times are those of Europe / Berlin.");
  await hint.waitFor();
  await browser.shoot(away, "zone-hint");
  await away.getByRole("button", { name: "Keep the time zone" }).click();
  await away.reload();
  await showTasks(away, "All");
  await times("Tomorrow, 09:00");
  assert((await hint.count()) === 0, "the hint is back");

  await away.goto(`${browser.url}/settings`);
  const zone = section(away, "Time zone");
  await zone.getByRole("button", { name: "Use America / New York" }).waitFor();
  const search = zone.getByRole("searchbox", { name: "Choose another" });
  await search.fill("nowhere at all");
  await zone.getByText("No time zone has that name.").waitFor();
  await search.fill("london");
  await accessible(away, "choosing a time zone");
  await zone.getByRole("button", { name: "Europe / London" }).click();
  await message(away, "Your time zone is Europe / London.");
  const { body } = await api(away, "GET", "/profile");
  assert(body.time_zone === "Europe/London", `the zone is ${body.time_zone}`);
  await away.goto(browser.url);
  await showTasks(away, "All");
  // The same moment, by another clock, which for an hour a day has another tomorrow
  await times(".*08:00");
  await api(away, "PUT", "/profile", { time_zone: "Europe/Berlin" });
  await away.context().close();
}

/** Light, dark or as the system: at once, and right from the first paint of the next visit. */
async function theme(browser, page) {
  const [LIGHT, DARK] = ["rgb(246, 245, 242)", "rgb(19, 20, 23)"];
  await page.goto(`${browser.url}/settings`);
  const canvas = (is) =>
    until(`the canvas is ${is}`, async () => {
      const color = await page.evaluate(
        () => getComputedStyle(document.documentElement).backgroundColor,
      );
      return color === is;
    });
  const choices = section(page, "Theme").locator("fieldset:enabled");
  const choose = (name) => choices.getByText(name, { exact: true }).click();
  await canvas(LIGHT);
  await choose("Dark");
  await canvas(DARK);
  await page.reload();
  await canvas(DARK);
  const html = await (await page.context().request.get(`${browser.url}/settings`)).text();
  assert(html.includes('data-theme="dark"'), "the server does not know the theme");
  await page.emulateMedia({ colorScheme: "dark" });
  await choose("Light");
  await canvas(LIGHT);
  await choose("As the system");
  await canvas(DARK);
  await page.emulateMedia({ colorScheme: "light" });
  await canvas(LIGHT);
}

/** Whether reminders come to this browser; the push service itself is played. */
async function notifications(browser, page) {
  const context = page.context();
  await context.grantPermissions(["notifications"], { origin: browser.url });
  await page.addInitScript(() => {
    const bytes = (n) => crypto.getRandomValues(new Uint8Array(n));
    const text = (b) =>
      btoa(String.fromCharCode(...b))
        .replaceAll("+", "-")
        .replaceAll("/", "_")
        .replaceAll("=", "");
    let current = null;
    PushManager.prototype.getSubscription = async () => current;
    PushManager.prototype.subscribe = async (options) => {
      const pair = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, [
        "deriveBits",
      ]);
      const p256dh = text(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
      const endpoint = `https://fcm.googleapis.com/fcm/send/${text(bytes(20))}`;
      current = {
        endpoint,
        options,
        toJSON: () => ({ endpoint, keys: { p256dh, auth: text(bytes(16)) } }),
        unsubscribe: async () => {
          current = null;
          return true;
        },
      };
      return current;
    };
  });
  await page.reload();
  const about = section(page, "Notifications");
  const on = about.getByRole("switch", { name: "Reminders in this browser" });
  const subscriptions = async () =>
    (await api(page, "GET", "/export")).body.push_subscriptions.length;
  await on.click();
  await until("it is on", () => on.isChecked());
  assert((await subscriptions()) === 1, "the backend knows of no subscription");
  await about.getByRole("button", { name: "Show one to try" }).click();
  // A browser that is asked while it shows one forgets that one; so it is asked once it has.
  await about.getByText("One was shown.").waitFor();
  const shown = await page.evaluate(async () =>
    (await (await navigator.serviceWorker.ready).getNotifications()).map(({ title }) => title),
  );
  assert(shown.join() === "Reminders look like this", `notifications: ${shown}`);
  await accessible(page, "settings with notifications");
  await on.click();
  await until("it is off", async () => !(await on.isChecked()));
  assert((await subscriptions()) === 0, "the backend still has a subscription");
}

/** Everything that is known, in a file. */
async function takeAlong(page, email) {
  const data = section(page, "Your data");
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    data.getByRole("button", { name: "Download my data" }).click(),
  ]);
  assert(/^todo-\d{4}-\d{2}-\d{2}\.json$/.test(file.suggestedFilename()), file.suggestedFilename());
  const known = JSON.parse(readFileSync(await file.path(), "utf8"));
  assert(known.account.email === email, "the account is missing");
  assert(known.profile.time_zone === "Europe/Berlin", "the time zone is missing");
  assert(known.tasks.map(({ title }) => title).join() === "buy milk", "the task is missing");
  const [{ messages }] = known.conversations;
  assert(messages[0].text === "add buy milk tomorrow at 9am", "what was said is missing");
}

/** Erased: asked first, done after a typed word; then nothing is left, here or there. */
async function end(browser, page, email) {
  await page.goto(browser.url);
  await page.getByRole("textbox", { name: "Message" }).fill("a draft that nobody should find");
  await page.goto(`${browser.url}/settings`);
  await page.getByRole("button", { name: "Erase my account" }).click();
  const question = page.getByRole("dialog", { name: "Erase everything?" });
  await question.getByText("1 task", { exact: true }).waitFor();
  await question.getByText("1 conversation with 2 messages").waitFor();
  await accessible(page, "erasing");
  await browser.shoot(page, "erase");
  const go = question.getByRole("button", { name: "Erase everything" });
  assert(await go.isDisabled(), "nothing was typed, and it can be pressed");
  await question.getByRole("button", { name: "Keep my account" }).click();
  assert((await api(page, "GET", "/tasks")).body.total === 1, "it was erased unasked");

  await page.getByRole("button", { name: "Erase my account" }).click();
  await question.getByLabel("Type “erase” to go on").fill("erase");
  await go.click();
  await page.waitForURL(`${browser.url}/sign-in`, { timeout: 90_000 });
  const left = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  assert(!left.includes("draft") && !left.includes("milk"), `this browser still has ${left}`);

  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").filter({ hasText: "There is no account" }).waitFor();

  // Whoever comes with the same address is somebody new
  await page.goto(`${browser.url}/sign-up`);
  await page.getByLabel("Name").fill("Ann");
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.waitForURL(`${browser.url}/`);
  await page.getByRole("heading", { name: "Hello, Ann" }).waitFor();
  assert((await api(page, "GET", "/tasks")).body.total === 0, "a task outlived its person");
  await addTask(page, "begin anew");
  await taskIn(page, "begin anew").waitFor();
}
