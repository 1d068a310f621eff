// A page that has lost its connection catches up: what was changed elsewhere meanwhile shows once it
// is back, without a reload.
import { api, assert, say, showTasks, taskIn } from "../browser.mjs";
import { finished, log } from "../talk.mjs";

export default async function (browser) {
  // Given a page that hears of what happens
  const { page, email } = await browser.newPerson("Ann", {
    tolerate: [/ERR_INTERNET_DISCONNECTED/, /when fetching the script/],
  });
  await say(page, "add feed the cat");
  await finished(page);
  const elsewhere = await browser.signIn(email);
  const add = async (title) => {
    const { status, body } = await api(elsewhere, "POST", "/tasks", { title });
    assert(status === 201, `adding ${title} is answered with ${status}`);
    return body;
  };
  const [lawn, door, car] = [
    await add("mow the lawn"),
    await add("paint the door"),
    await add("wash the car"),
  ];
  await showTasks(page, "All");
  for (const { title } of [lawn, door, car]) await taskIn(page, title).waitFor();
  await page.evaluate(() => {
    globalThis.sameAsBefore = true;
  });

  // When tasks are added, changed, done and deleted elsewhere while it hears nothing
  const banner = page.getByRole("banner").getByText("Offline");
  await page.context().setOffline(true);
  await banner.waitFor();
  await add("buy stamps");
  const changes = [
    ["PATCH", `/tasks/${lawn.task_id}`, { title: "mow the other lawn" }],
    ["POST", `/tasks/${door.task_id}/complete`],
    ["DELETE", `/tasks/${car.task_id}`],
  ];
  for (const [method, path, body] of changes) {
    const { status } = await api(elsewhere, method, path, body);
    assert(status < 300, `${method} ${path} is answered with ${status}`);
  }
  const [conversation] = (await api(elsewhere, "GET", "/conversations")).body.items;
  await elsewhere.goto(`${browser.url}/?c=${conversation.conversation_id}`);
  await say(elsewhere, "add water the plants");
  await finished(elsewhere);
  await taskIn(page, "mow the lawn").waitFor();
  assert((await taskIn(page, "buy stamps").count()) === 0, "it has heard of it all the same");

  // Then all of it shows once it is back
  await page.context().setOffline(false);
  await taskIn(page, "buy stamps").waitFor();
  await taskIn(page, "water the plants").waitFor();
  await taskIn(page, "mow the other lawn").waitFor();
  for (const gone of ["mow the lawn", "paint the door", "wash the car"]) {
    await taskIn(page, gone).waitFor({ state: "detached" });
  }
  await showTasks(page, "Done");
  await taskIn(page, "paint the door").waitFor();
  await log(page).getByText("Added “water the plants”").waitFor();
  await banner.waitFor({ state: "detached" });
  // And what happens from now on is heard
  await showTasks(page, "All");
  await add("call grandma");
  await taskIn(page, "call grandma").waitFor();
  assert(await page.evaluate(() => globalThis.sameAsBefore), "the page was loaded anew");
}
