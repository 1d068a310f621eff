// Two replicas: what is changed through one shows in a page that listens to the other.
import { addTask, api, assert, showTasks, taskIn, until } from "../browser.mjs";
import { log, say, userId } from "../talk.mjs";

export default async function (browser) {
  // Given a page that listens to the only replica, and then a second one
  const { page } = await browser.newPerson("Ann");
  await addTask(page, "through the page");
  await showTasks(page, "All");
  await taskIn(page, "through the page").waitFor();
  await until("the feed", async () => (await api(page, "GET", "/tasks")).body.total === 1);
  const first = browser.settings.backend;
  const second = await browser.ask("scale 2");
  assert(first !== second, "there is no second replica");

  // When something is changed through either, then the page shows it
  const token = await page.evaluate(async () => (await (await fetch("/auth/token")).json()).token);
  const user = await userId(page);
  const through = async (replica, method, path, body) => {
    const response = await fetch(`${replica}/api/${user}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: body && JSON.stringify(body),
    });
    assert(response.ok, `${method} ${path} is answered with ${response.status}`);
    return response.json();
  };
  const task = await through(second, "POST", "/tasks", { title: "through the second" });
  await taskIn(page, "through the second").waitFor();
  await through(first, "POST", "/tasks", { title: "through the first" });
  await taskIn(page, "through the first").waitFor();
  await through(second, "PATCH", `/tasks/${task.task_id}`, { title: "changed by the second" });
  await taskIn(page, "changed by the second").waitFor();
  await through(first, "POST", `/tasks/${task.task_id}/complete`);
  await taskIn(page, "changed by the second").waitFor({ state: "detached" });

  // And what is said there shows here
  await say(page, "add something by talking");
  await log(page).getByText("Added “something by talking”").waitFor();
  const [conversation] = (await through(second, "GET", "/conversations")).items;
  await through(second, "POST", "/chat", {
    message: "add something from elsewhere",
    conversation_id: conversation.conversation_id,
  });
  await log(page).getByText("Added “something from elsewhere”").waitFor();
  await taskIn(page, "something from elsewhere").waitFor();
}
