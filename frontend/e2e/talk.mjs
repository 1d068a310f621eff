// What people do in the chat.

export function box(page) {
  return page.getByRole("textbox", { name: "Message" });
}

export function log(page) {
  return page.getByRole("log", { name: "Messages" });
}

/** What the person has said, as it is shown. */
export function said(page) {
  return log(page).getByRole("article", { name: "You", exact: true });
}

export function answers(page) {
  return log(page).getByRole("article", { name: "Assistant" });
}

/** Says something; returns once it shows. */
export async function say(page, text) {
  // Without a connection it shows as not sent yet.
  const shown = log(page).getByRole("article", { name: /^You/ }).filter({ hasText: text });
  const before = await shown.count();
  await box(page).fill(text);
  await box(page).press("Enter");
  await shown.nth(before).waitFor();
}

/** Waits until every message has its answer. */
export async function finished(page) {
  await log(page).locator(":scope > div > article").last().and(answers(page)).waitFor();
  await page.getByRole("button", { name: "Stop answering" }).waitFor({ state: "detached" });
  await page.getByRole("status").filter({ hasText: "Answer finished" }).waitFor();
}

/** The id of whoever is signed in. */
export function userId(page) {
  return page.evaluate(async () => {
    const { token } = await (await fetch("/auth/token")).json();
    const claims = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(claims)).sub;
  });
}
