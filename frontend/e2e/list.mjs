// What people do with their tasks.
import { api } from "./browser.mjs";

/** The task with a title, as the backend has it; an open one before one that is done. */
export async function taskNamed(page, title) {
  const found = [];
  for (const status of ["open", "done"]) {
    const { body } = await api(page, "GET", `/tasks?status=${status}&limit=100`);
    found.push(...body.tasks);
  }
  return found.find((task) => task.title === title);
}

/** A message at the edge of the page, once it is there; it stays until it is closed. */
export async function message(page, title) {
  const shown = page
    .getByRole("region", { name: /^Messages/ })
    .locator("li")
    .filter({ hasText: title });
  await shown.waitFor();
  // While nobody looks at the window its messages do not go.
  await page.evaluate(() => dispatchEvent(new Event("blur")));
  return shown;
}

/** Presses the button of a message, such as Undo. */
export async function pressIn(page, title, button) {
  await (await message(page, title)).getByRole("button", { name: button }).click();
}

/** The reminder of a task. */
export function reminder(page, title) {
  return page
    .getByRole("region", { name: "Reminders" })
    .getByRole("listitem")
    .filter({ hasText: title });
}

/** The day so many days from now in Berlin, `2026-11-24`. */
export function dayIn(days) {
  const today = new Date().toLocaleDateString("sv", { timeZone: "Europe/Berlin" });
  return new Date(Date.parse(`${today}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}
