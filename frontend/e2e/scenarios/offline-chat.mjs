// What is said while offline waits in sight, and is sent in order, once.
import { api, assert, until } from "../browser.mjs";
import { finished, log, said, say } from "../talk.mjs";

export default async function (browser) {
  const { page } = await browser.newPerson("Ann");
  await say(page, "add first");
  await finished(page);

  await page.context().setOffline(true);
  for (const text of ["add second", "add third", "add a mistake"]) await say(page, text);
  await log(page).getByText("You are offline.").waitFor();
  const waiting = log(page).getByRole("article", { name: "You, not sent yet" });
  assert((await waiting.count()) === 3, "not all that waits is shown");
  await browser.shoot(page, "chat-offline");

  // One of them is taken back, and is in the box again
  await waiting.filter({ hasText: "a mistake" }).getByRole("button", { name: "Take back" }).click();
  await until("two that wait", async () => (await waiting.count()) === 2);
  const box = page.getByRole("textbox", { name: "Message" });
  assert((await box.inputValue()) === "add a mistake", "it is not in the box");

  await page.context().setOffline(false);
  await log(page).getByText("Added “third”").waitFor();
  await until("nothing waits", async () => (await waiting.count()) === 0);
  const texts = await said(page).allInnerTexts();
  const firsts = texts.map((text) => text.split("\n")[0]);
  assert(firsts.join() === "add first,add second,add third", `said: ${firsts}`);
  const { total } = (await api(page, "GET", "/tasks")).body;
  assert(total === 3, `${total} tasks instead of 3`);
}
