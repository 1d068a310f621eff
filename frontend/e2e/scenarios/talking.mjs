// Talking: a first visit, what was done and taking it back, the keyboard, drafts, a typed word.
import { accessible, api, assert, until } from "../browser.mjs";
import { box, finished, log, say } from "../talk.mjs";

export default async function (browser) {
  const { page } = await browser.newPerson("Ann");
  const tasks = async () => (await api(page, "GET", "/tasks?status=open")).body.tasks;

  // A first visit shows what can be said, and a press says it
  await page.getByRole("heading", { name: "Hello, Ann" }).waitFor();
  await browser.shoot(page, "chat-first-visit");
  await page.getByRole("button", { name: "Add buy milk tomorrow at 9am" }).click();
  await finished(page);
  const card = log(page).getByRole("listitem").filter({ hasText: "Added buy milk" });
  await card.getByText("Tomorrow, 09:00").waitFor();
  assert((await tasks()).length === 1, "the task was not added");

  // What was done can be taken back on its card
  await card.getByRole("button", { name: "Undo: buy milk" }).click();
  await card.getByText("Undone").waitFor();
  assert((await tasks()).length === 0, "the task is still there");

  // A card whose task has changed since says why it cannot
  await say(page, "add buy bread");
  await finished(page);
  const [bread] = await tasks();
  await api(page, "POST", `/tasks/${bread.task_id}/complete`);
  const other = log(page).getByRole("listitem").filter({ hasText: "Added buy bread" });
  await other.getByRole("button", { name: "Undo: buy bread" }).click();
  await other.getByText("the task was changed since").waitFor();

  // Enter sends, Shift+Enter does not; the upper arrow takes the last message again
  await box(page).fill("add one");
  await box(page).press("Shift+Enter");
  await box(page).pressSequentially("add two");
  assert((await box(page).inputValue()) === "add one\nadd two", "a line was not begun");
  await box(page).fill("");
  await box(page).press("ArrowUp");
  assert((await box(page).inputValue()) === "add buy bread", "the last message did not come back");
  await box(page).fill("");

  // Keys alone go to the box and tell what there is, but not while something is typed
  await box(page).press("Escape");
  await page.keyboard.press("/");
  await page.keyboard.type("a/b?");
  assert((await box(page).inputValue()) === "a/b?", "keys were taken from the text");
  await box(page).fill("");
  await box(page).press("Escape");
  await page.keyboard.press("?");
  const shortcuts = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await shortcuts.waitFor();
  await accessible(page, "the shortcuts");
  // And whoever does not want that turns it off
  await shortcuts.getByRole("switch").click();
  await page.keyboard.press("Escape");
  await shortcuts.waitFor({ state: "hidden" });
  await page.keyboard.press("/");
  assert(!(await focused(page)), "the key still works");
  await page.evaluate(() => localStorage.removeItem("chat/single-keys"));

  // A draft and the conversation survive a reload
  await box(page).fill("half a sen");
  await page.reload();
  await log(page).getByText("add buy bread", { exact: true }).waitFor();
  assert((await box(page).inputValue()) === "half a sen", "the draft is lost");
  // And what was undone stays so
  await log(page)
    .getByRole("listitem")
    .filter({ hasText: "Added buy milk" })
    .getByText("Undone")
    .waitFor();

  // A message has its limit
  await box(page).fill("x".repeat(4001));
  await page.getByText("1 character too long").waitFor();
  assert(await page.getByRole("button", { name: "Send" }).isDisabled(), "it can be sent");

  // Deleting several tasks waits for a word
  await say(page, "add tea and add coffee");
  await finished(page);
  await say(page, "delete all my tasks");
  await log(page).getByText("delete 3 tasks", { exact: true }).waitFor();
  await browser.shoot(page, "chat-confirmation");
  await accessible(page, "a chat with a question");
  await say(page, "delete 3 tasks");
  await log(page).getByText("Deleted 3 tasks").waitFor();
  await until("no task left", async () => (await tasks()).length === 0);
}

function focused(page) {
  return page.evaluate(() => document.activeElement?.tagName === "TEXTAREA");
}
