// A backend that dies in the middle of an answer and comes back: the answer is taken up again
// under the same key, and nothing is done or shown twice.
import { api, assert, until } from "../browser.mjs";
import { finished, log, said, say, userId } from "../talk.mjs";

export default async function (browser) {
  const { page } = await browser.newPerson("Ann");
  await say(page, "add first");
  await finished(page);
  const keys = new Set();
  page.on("request", (request) => {
    if (request.url().endsWith("/chat")) keys.add(request.headers()["idempotency-key"]);
  });

  await browser.ask(`hold ${await userId(page)}`);
  await say(page, "add milk and add bread");
  await log(page).getByText("Adding milk").waitFor();
  await browser.ask("kill backend-1");
  await log(page).getByText("Reconnecting.").waitFor();
  await browser.shoot(page, `chat-reconnecting-${browser.settings.way}`);
  await browser.ask("release");
  await browser.ask("start backend-1");

  await log(page).getByText("Added “bread”").waitFor({ timeout: 90_000 });
  await until("quiet", async () => (await log(page).getByText("Reconnecting.").count()) === 0);
  assert((await said(page).count()) === 2, "a message shows twice");
  const cards = log(page).getByRole("listitem").filter({ hasText: "Added milk" });
  assert((await cards.count()) === 1, "a card shows twice");
  assert(keys.size === 1, `${keys.size} keys instead of one`);
  const { body } = await api(page, "GET", "/tasks");
  assert(body.total === 3, `${body.total} tasks instead of 3`);
}
