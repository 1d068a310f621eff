// An answer that takes long: stopped, and left by a reload.
import { api, assert, until } from "../browser.mjs";
import { box, finished, log, said, say, userId } from "../talk.mjs";

const TEN = Array.from({ length: 10 }, (_, n) => `add t${n}`).join("; ");

export default async function (browser) {
  const { page } = await browser.newPerson("Ann");
  const user = await userId(page);
  const tasks = async () => (await api(page, "GET", "/tasks?status=open")).body.tasks;
  await say(page, "add first");
  await finished(page);

  // When an answer that hangs in its first change is stopped, then the server has the last word
  await browser.ask(`hold ${user}`);
  await say(page, TEN);
  await log(page).getByText("Adding t0").waitFor();
  await browser.shoot(page, "chat-at-work");
  const stop = page.getByRole("button", { name: "Stop answering" });
  await stop.click();
  await log(page).getByText("Stopping").waitFor();
  await browser.ask("release");
  await log(page).getByText("Stopped. This was done before").waitFor();
  await log(page).getByText("You stopped this answer.").waitFor();
  await stop.waitFor({ state: "detached" });
  assert((await tasks()).length === 2, "more was done after the stop");

  // Escape stops as well
  await browser.ask(`hold ${user}`);
  await say(page, TEN);
  await log(page).getByText("Adding t0").waitFor();
  await box(page).press("Escape");
  await log(page).getByText("Stopping").waitFor();
  await browser.ask("release");
  await until("the second stop", async () => {
    return (await log(page).getByText("You stopped this answer.").count()) === 2;
  });

  // When the page is loaded anew in the middle of an answer, then the answer goes on
  await browser.ask(`hold ${user}`);
  await say(page, "add bread and add butter");
  await log(page).getByText("Adding bread").waitFor();
  await page.reload();
  await stop.waitFor();
  await said(page).filter({ hasText: "add bread and add butter" }).waitFor();
  await browser.ask("release");
  await log(page).getByText("Added “butter”").waitFor();
  const bread = said(page).filter({ hasText: "add bread and add butter" });
  assert((await bread.count()) === 1, "the message shows twice");
  const titles = (await tasks()).map((task) => task.title);
  assert(titles.filter((title) => title === "bread").length === 1, "bread was added twice");
  const kept = await page.evaluate(() => Object.keys(localStorage).join());
  assert(!kept.includes("/send/"), "an answered message is still kept");
}
