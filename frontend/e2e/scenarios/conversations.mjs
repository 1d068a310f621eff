// Several conversations: found, renamed, deleted, and the same in another tab.
import { accessible, assert, until } from "../browser.mjs";
import { answers, box, finished, log, said, say } from "../talk.mjs";

export default async function (browser) {
  const { page } = await browser.newPerson("Ann", { viewport: { width: 1440, height: 900 } });
  const list = (where) => where.getByRole("navigation", { name: "Conversations" });
  const row = (where, title) => list(where).getByRole("button", { name: title, exact: true });

  // Given two conversations, the second begun from the list
  await say(page, "add oranges");
  await finished(page);
  await row(page, "add oranges").waitFor();
  await page.getByRole("button", { name: "New conversation" }).first().click();
  await page.getByRole("heading", { name: "Hello, Ann" }).waitFor();
  await say(page, "what is due today?");
  await answers(page).first().waitFor();
  await row(page, "what is due today?").waitFor();

  // Then each shows its own, and the browser's back button goes between them
  await row(page, "add oranges").click();
  await said(page).filter({ hasText: "add oranges" }).waitFor();
  await page.goBack();
  await said(page).filter({ hasText: "what is due today?" }).waitFor();

  // And drafts stay with their conversation
  await box(page).fill("and tomorrow");
  await row(page, "add oranges").click();
  await until("an empty box", async () => (await box(page).inputValue()) === "");
  await row(page, "what is due today?").click();
  await until("the draft", async () => (await box(page).inputValue()) === "and tomorrow");
  await box(page).fill("");

  // A new title shows in another tab as well
  const tab = await browser.another(page);
  await tab.goto(browser.url);
  await row(tab, "add oranges").waitFor();
  await menu(page, "add oranges", "Rename");
  const rename = page.getByRole("dialog", { name: "Rename conversation" });
  await rename.getByLabel("Title").fill("Fruit");
  await accessible(page, "renaming");
  await rename.getByLabel("Title").press("Enter");
  await rename.waitFor({ state: "hidden" });
  await row(page, "Fruit").waitFor();
  await row(tab, "Fruit").waitFor();

  // A search finds by title and by what was said
  const search = page.getByRole("searchbox", { name: "Search conversations" });
  for (const words of ["fruit", "oranges"]) {
    await until(`found by ${words}`, async () => {
      await search.fill("");
      await search.fill(words);
      await page.waitForTimeout(400);
      const found = await list(page).getByRole("listitem").count();
      return found === 1 && (await row(page, "Fruit").isVisible());
    });
  }
  await search.fill("nothing like it");
  await list(page).getByText("Nothing found for “nothing like it”.").waitFor();
  await search.fill("");

  // What is said in one tab shows in the other
  await row(page, "Fruit").click();
  await row(tab, "Fruit").click();
  await said(tab).filter({ hasText: "add oranges" }).waitFor();
  await say(page, "add apples");
  await log(tab).getByText("Added “apples”").waitFor();
  assert((await said(tab).count()) === 2, "the other tab shows a message twice");

  // A deletion asks first, and closes the conversation everywhere
  await menu(page, "Fruit", "Delete");
  const question = page.getByRole("dialog", { name: "Delete this conversation?" });
  await accessible(page, "deleting");
  await question.getByRole("button", { name: "Delete" }).click();
  await row(page, "Fruit").waitFor({ state: "detached" });
  await tab.getByText("This conversation was deleted.").waitFor();
  await page.getByRole("heading", { name: "Hello, Ann" }).waitFor();
}

async function menu(page, title, item) {
  await page.getByRole("button", { name: `More for “${title}”` }).click();
  await page.getByRole("menuitem", { name: item }).click();
}
