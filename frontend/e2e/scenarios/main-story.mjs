// The main job: somebody says what there is to do, sees it on every device, takes it back, is
// reminded; and nobody else sees any of it.
import { addTask, api, assert, say, showTasks, taskIn, until } from "../browser.mjs";
import { said } from "../talk.mjs";

export default async function (browser) {
  const { page, email } = await browser.newPerson("Ann");

  // When she says it, the answer says what was done, and the task is in the list
  await say(page, "add buy milk tomorrow at 9am");
  const card = page.getByRole("article").filter({ hasText: "buy milk" }).last();
  await page.getByText("Added “buy milk”").last().waitFor();
  await showTasks(page, "Upcoming");
  await taskIn(page, "buy milk").waitFor();
  const { body } = await api(page, "GET", "/tasks");
  assert(body.total === 1, `there are ${body.total} tasks`);
  const nine = new Date(body.tasks[0].due_at);
  const there = nine.toLocaleTimeString("en-GB", { timeZone: "Europe/Berlin" });
  assert(there === "09:00:00", `it is due at ${there} in Berlin`);

  // Another browser of hers sees it, and the conversation too
  const other = await browser.signIn(email);
  await showTasks(other, "Upcoming");
  await taskIn(other, "buy milk").waitFor();

  // What is changed there is seen here, while it happens
  await addTask(other, "water the plants #home");
  await showTasks(page, "All");
  await taskIn(page, "water the plants").waitFor();

  // When she takes the first back, it is gone from both
  await card.getByRole("button", { name: /Undo/ }).first().click();
  await taskIn(page, "buy milk").waitFor({ state: "detached" });
  await taskIn(other, "buy milk").waitFor({ state: "detached" });
  await taskIn(page, "water the plants").waitFor();

  // A reminder fires and shows on both, and put off on one it is gone from there
  const due = new Date(Date.now() + 3_000).toISOString();
  await api(page, "POST", "/tasks", { title: "call the plumber", due_at: due });
  const reminders = [page, other].map((where) =>
    where
      .getByRole("region", { name: "Reminders" })
      .getByRole("listitem")
      .filter({ hasText: "call the plumber" }),
  );
  await Promise.all(reminders.map((shown) => shown.waitFor({ timeout: 30_000 })));
  await browser.shoot(page, "reminder");
  await reminders[0].getByRole("button", { name: /10 min/ }).click();
  await Promise.all(reminders.map((shown) => shown.waitFor({ state: "detached" })));
  await until("the task is put off", async () => {
    const { body } = await api(page, "GET", "/tasks?search=plumber");
    return new Date(body.tasks[0].due_at).getTime() > Date.now() + 8 * 60_000;
  });

  // A reload brings the conversation back
  await page.reload();
  await said(page).filter({ hasText: "add buy milk tomorrow at 9am" }).waitFor();

  // Somebody else sees nothing of it, and cannot ask for it
  const { page: stranger } = await browser.newPerson("Bob");
  await showTasks(stranger, "All");
  const { body: theirs } = await api(stranger, "GET", "/tasks");
  assert(theirs.total === 0, "somebody else has tasks");
  assert((await stranger.getByText("plumber").count()) === 0, "somebody else sees a task");
  const ann = await page.evaluate(
    async () => (await (await fetch("/auth/get-session")).json()).user.id,
  );
  const status = await stranger.evaluate(async (id) => {
    const { token } = await (await fetch("/auth/token")).json();
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`/api/${id}/tasks`, { headers })).status;
  }, ann);
  assert(status === 403, `asking for another's tasks is answered with ${status}`);
}
