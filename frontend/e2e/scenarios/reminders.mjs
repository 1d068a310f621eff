// Reminders: they stand above the page and cover nothing, are put off, done and dismissed; and as
// notifications of the browser, as far as one without a screen has them.
import { accessible, addTask, api, assert, showChat, taskIn, until } from "../browser.mjs";
import { dayIn, message, reminder, taskNamed } from "../list.mjs";
import { userId } from "../talk.mjs";

const MINUTE = 60_000;

export default async function (browser) {
  const { page } = await browser.newPerson("Ann");
  await putOff(browser, page);
  await dealtWith(page);
  await notified(browser, page);
}

/** Adds tasks that fall due in a moment, each of them: nobody is reminded of what was due before. */
async function fallDue(page, ...titles) {
  for (const title of titles) {
    const due_at = new Date(Date.now() + 3_000).toISOString();
    const { status } = await api(page, "POST", "/tasks", { title, due_at });
    assert(status === 201, `adding ${title} is answered with ${status}`);
  }
}

/** Two stand on the page and the rest behind a button; each is put off as its button says. */
async function putOff(browser, page) {
  const titles = ["buy stamps", "call the bank", "return the book"];
  await fallDue(page, ...titles);
  await page.getByRole("button", { name: "1 more" }).click();
  for (const title of titles) await reminder(page, title).waitFor();

  // Nothing below is covered on the smallest screen: the switch and the line can be pressed
  await page.setViewportSize({ width: 360, height: 740 });
  await page.getByRole("button", { name: "Show fewer" }).click();
  await addTask(page, "look at the sky");
  await page.getByLabel("New task").click();
  // Nor is it by the word that the task was added
  await message(page, "Added: look at the sky");
  await showChat(page);
  const line = page.getByRole("textbox", { name: "Message" });
  const isOnTop = await line.evaluate((line) => {
    const { x, y, width, height } = line.getBoundingClientRect();
    return document.elementFromPoint(x + width / 2, y + height / 2) === line;
  });
  assert(isOnTop, "the line in which one writes is covered");
  await line.click();
  await accessible(page, "reminders on a phone");
  await browser.shoot(page, "reminders-360");
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole("button", { name: "1 more" }).click();
  await browser.shoot(page, "reminders");

  const putOff = async (title, button, from, to) => {
    const before = Date.now();
    await reminder(page, title).getByRole("button", { name: button }).click();
    await message(page, `: ${title}`);
    await reminder(page, title).waitFor({ state: "detached" });
    const after = Date.now();
    await until(`${title} is put off`, async () => {
      const due = Date.parse((await taskNamed(page, title)).due_at);
      return due >= from(before) && due <= to(after);
    });
  };
  const ahead = (minutes) => (at) => at + minutes * MINUTE;
  const nine = () => {
    const [at] = ["08:00", "07:00"]
      .map((time) => Date.parse(`${dayIn(1)}T${time}:00Z`))
      .filter((instant) => new Date(instant).toLocaleTimeString("sv", ZONE) === "09:00:00");
    return at;
  };
  await putOff("buy stamps", "10 min", ahead(10), ahead(10));
  await putOff("call the bank", "1 hour", ahead(60), ahead(60));
  await putOff("return the book", "Tomorrow", nine, nine);
}

const ZONE = { timeZone: "Europe/Berlin" };

/** What somebody has dealt with, here or elsewhere, does not come back with a reload. */
async function dealtWith(page) {
  const titles = ["feed the cat", "feed the dog"];
  await fallDue(page, ...titles);
  for (const title of titles) await reminder(page, title).waitFor();
  await reminder(page, "feed the cat").getByRole("button", { name: "Dismiss" }).click();
  await reminder(page, "feed the dog").getByRole("button", { name: "Done" }).click();
  for (const title of titles) await reminder(page, title).waitFor({ state: "detached" });
  await until("the dog is fed", async () => (await taskNamed(page, "feed the dog"))?.completed_at);

  // Open again, as by another device while this page was closed
  const dog = await taskNamed(page, "feed the dog");
  await page.goto("about:blank");
  await page.goBack();
  await api(page, "POST", `/tasks/${dog.task_id}/reopen`);
  await page.reload();
  await page.getByRole("tab", { name: /^All/ }).click();
  for (const title of titles) await taskIn(page, title).waitFor();
  assert((await reminder(page, "feed the").count()) === 0, "a reminder is back");
}

/** A push shows a notification, and its buttons work without a page. */
async function notified(browser, page) {
  const context = page.context();
  const user = await userId(page);
  await context.grantPermissions(["notifications"], { origin: browser.url });
  const { body: task } = await api(page, "POST", "/tasks", { title: "wind the clock" });
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));

  // Given nobody who looks at the page
  const devtools = await context.newCDPSession(page);
  const registered = new Promise((resolve) => {
    devtools.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      const [ours] = registrations.filter(({ scopeURL }) => scopeURL === `${browser.url}/`);
      if (ours) resolve(ours.registrationId);
    });
  });
  await devtools.send("ServiceWorker.enable");
  const registrationId = await registered;
  await page.goto("about:blank");

  // When the push service brings reminders, one of them twice, then each shows once
  const worker = async () =>
    context.serviceWorkers().at(-1) ?? (await context.waitForEvent("serviceworker"));
  // A browser that is asked while it shows one forgets that one; so it is asked once it has.
  await (await worker()).evaluate(() => {
    const { registration } = self;
    const show = registration.showNotification.bind(registration);
    self.timesShown = 0;
    registration.showNotification = async (...notification) => {
      await show(...notification);
      self.timesShown += 1;
    };
  });
  const push = (sequence, title, task_id) =>
    devtools.send("ServiceWorker.deliverPushMessage", {
      origin: browser.url,
      registrationId,
      data: JSON.stringify({ event_id: `User/${user}/${sequence}/0`, task_id, title }),
    });
  await push(7, "wind the clock", task.task_id);
  await push(7, "wind the clock", task.task_id);
  await push(8, "something else", "task-999");
  await until("all three are handled", async () =>
    (await worker()).evaluate(() => self.timesShown === 3),
  );
  const shown = async () => {
    const titles = await (await worker()).evaluate(async () =>
      (await self.registration.getNotifications()).map(({ title }) => title),
    );
    return titles.sort().join();
  };
  const titles = await shown();
  assert(titles === "something else,wind the clock", `notifications: ${titles}`);

  // And "Done" completes the task
  await (await worker()).evaluate(async () => {
    const all = await self.registration.getNotifications();
    const notification = all.find(({ title }) => title === "wind the clock");
    const event = new NotificationEvent("notificationclick", { notification, action: "done" });
    let work;
    // Only the browser's own events are waited for.
    Object.defineProperty(event, "waitUntil", { value: (promise) => (work = promise) });
    self.dispatchEvent(event);
    await work;
  });
  assert((await shown()) === "something else", "the notification stays");
  await page.goto(browser.url);
  const status = async () => (await taskNamed(page, "wind the clock")).status;
  await until("the clock is wound", async () => (await status()) === "done");
}
