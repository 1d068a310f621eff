// The list: adding with a line, editing in place, completing, moving by keys and by mouse,
// repeating, searching, and taking back.
import { accessible, api, assert, showTasks, taskIn, until } from "../browser.mjs";
import { dayIn, message, pressIn, taskNamed } from "../list.mjs";

export default async function (browser) {
  const { page } = await browser.newPerson("Ann");
  await quickAdd(browser, page);
  await editInPlace(browser, page);
  await complete(page);
  await keys(page);
  await drag(browser, page);
  await overdue(browser, page);
  await find(page);
}

/** A line says what it was understood as, before it becomes a task. */
async function quickAdd(browser, page) {
  await showTasks(page, "Today");
  const line = page.getByLabel("New task");
  const read = page.locator("#quick-add-read");
  await line.fill("water the plants tomorrow at 9:30am #home !high");
  for (const words of ["Due Tomorrow, 09:30", "High", "home"])
    await read.getByText(words).waitFor();
  await browser.shoot(page, "quick-add");
  await line.press("Enter");
  await pressIn(page, "Added: water the plants", "Show in Upcoming");
  await taskIn(page, "water the plants, Tomorrow, 09:30").waitFor();
  const plants = await until("the task", () => taskNamed(page, "water the plants"));
  const there = new Date(plants.due_at).toLocaleString("sv", { timeZone: "Europe/Berlin" });
  assert(there === `${dayIn(1)} 09:30:00`, `it is due at ${there} in Berlin`);
  assert(plants.priority === "high" && plants.tags.join() === "home", JSON.stringify(plants));

  // A date that belongs to the title is left there when told so, and one that cannot be meant is
  await line.fill("sing about tomorrow");
  await until("no chip", async () => (await read.getByText("Due").count()) === 0);
  await line.fill("call mum tomorrow");
  await read.getByRole("button", { name: "No date" }).click();
  await line.press("Enter");
  const mum = await until("the second task", () => taskNamed(page, "call mum tomorrow"));
  assert(!mum.due_at && !mum.due_date, "it has a date");
}

/** A task's fields, in its place: saved, left and taken up again, refused, taken back. */
async function editInPlace(browser, page) {
  await showTasks(page, "All");
  await page.getByRole("button", { name: /^Edit: call mum tomorrow/ }).click();
  const form = (title) => page.getByRole("form", { name: `Edit ${title}` });
  const mum = form("call mum tomorrow");
  await accessible(page, "a task that is edited");
  await mum.getByLabel("Title").fill("");
  await mum.getByRole("button", { name: "Save" }).click();
  await mum.getByRole("alert").waitFor();
  await mum.getByLabel("Title").fill("call mum");
  await mum.getByLabel("Notes").fill("About the summer.");
  await mum.getByRole("button", { name: "Tomorrow" }).click();
  await mum.getByLabel("Priority").selectOption("low");
  await mum.getByLabel("Tags").fill("family");
  await mum.getByLabel("Repeats").selectOption("FREQ=DAILY");
  await browser.shoot(page, "task-editor");
  await mum.getByRole("button", { name: "Save" }).click();
  await message(page, "Saved: call mum");
  const row = page.locator("[data-task]").filter({ hasText: "call mum" });
  for (const words of ["every day", "Low", "#family", "Tomorrow"]) {
    await row.getByText(words).first().waitFor();
  }
  const saved = await until("the change", async () => {
    const task = await taskNamed(page, "call mum");
    return task?.recurrence && task;
  });
  const { priority, notes, tags, due_date } = saved;
  assert(
    priority === "low" && notes === "About the summer." && tags.join() === "family",
    JSON.stringify(saved),
  );
  assert(due_date === dayIn(1), `it is due on ${due_date}`);

  // What is left unsaved by Escape can be taken up again
  await page.getByRole("button", { name: /^Edit: water the plants/ }).click();
  const plants = form("water the plants");
  await plants.getByLabel("Title").fill("water all plants");
  await page.keyboard.press("Escape");
  await plants.waitFor({ state: "detached" });
  await pressIn(page, "Changes not saved", "Go on editing");
  assert((await plants.getByLabel("Title").inputValue()) === "water all plants", "it is lost");
  // And so can what another view took away
  await showTasks(page, "Done");
  await showTasks(page, "All");
  await pressIn(page, "Changes not saved", "Go on editing");
  assert((await plants.getByLabel("Title").inputValue()) === "water all plants", "it is lost");
  await plants.getByLabel("Title").press("Enter");

  // And a change is taken back by its message
  await taskIn(page, "water all plants").waitFor();
  await pressIn(page, "Saved: water all plants", "Undo");
  await taskIn(page, "water the plants").waitFor();
  await until("the old title", () => taskNamed(page, "water the plants"));
}

/** Done is done, can be taken back, and what repeats comes again. */
async function complete(page) {
  await taskIn(page, "water the plants").click();
  await taskIn(page, "water the plants").waitFor({ state: "detached" });
  await message(page, "Done: water the plants");
  await until("done", async () => (await taskNamed(page, "water the plants"))?.status === "done");
  await pressIn(page, "Done: water the plants", "Undo");
  await taskIn(page, "water the plants").waitFor();
  await until("open", async () => (await taskNamed(page, "water the plants"))?.status === "open");

  await taskIn(page, "call mum").click();
  await taskIn(page, `call mum, ${weekday(2)}`).waitFor({ timeout: 60_000 });
  await page
    .locator("[data-task]")
    .filter({ hasText: "call mum" })
    .getByText("every day")
    .waitFor();
  await showTasks(page, "Done");
  await taskIn(page, "call mum").waitFor();
}

/** Keys alone go through the list, move, complete and delete. */
async function keys(page) {
  const titles = ["one", "two", "three"];
  for (const title of titles) await api(page, "POST", "/tasks", { title });
  await showTasks(page, "All");
  await taskIn(page, "three").waitFor();
  await taskIn(page, "one").focus();
  await page.keyboard.press("j");
  await focused(page, "two");
  await page.keyboard.press("k");
  await focused(page, "one");
  const moved = async (key, day) => {
    await page.keyboard.press(key);
    await until(`${key} moves it to ${day}`, async () => {
      return (await taskNamed(page, "one"))?.due_date === day;
    });
    await taskIn(page, "one").focus();
  };
  await moved("t", dayIn(0));
  await moved("m", dayIn(1));
  await moved("ArrowRight", dayIn(2));
  await moved("ArrowLeft", dayIn(1));
  await moved("w", nextMonday());
  await page.keyboard.press("x");
  await until("one is done", async () => (await taskNamed(page, "one"))?.status === "done");
  await taskIn(page, "two").focus();
  await page.keyboard.press("Delete");
  await message(page, "Deleted: two");
  await until("two is gone", async () => !(await taskNamed(page, "two")));
  // The focus goes on to what took its place
  await focused(page, "three");
  await pressIn(page, "Deleted: two", "Undo");
  await until("two is back", () => taskNamed(page, "two"));
}

/** A task is dropped on a day. */
async function drag(browser, page) {
  await taskIn(page, "three").waitFor();
  const row = page.locator("[data-task]").filter({ hasText: "three" });
  const targets = page.getByText("Drop it on a day");
  await until("that it can be dragged", () => row.locator("[draggable=true]").count());
  const { x, y } = await row.boundingBox();
  await page.mouse.move(x + 90, y + 15);
  await page.mouse.down();
  await page.mouse.move(x + 100, y + 25, { steps: 5 });
  await targets.waitFor();
  await browser.shoot(page, "task-dragged");
  const tomorrow = await page
    .getByRole("listitem")
    .filter({ hasText: /^Tomorrow$/ })
    .boundingBox();
  await page.mouse.move(tomorrow.x + 30, tomorrow.y + 20, { steps: 10 });
  await page.mouse.up();
  await targets.waitFor({ state: "detached" });
  await until("three is due tomorrow", async () => {
    return (await taskNamed(page, "three"))?.due_date === dayIn(1);
  });
}

/** What falls due while somebody looks is overdue then. */
async function overdue(browser, page) {
  const due_at = new Date(Date.now() + 2_000).toISOString();
  const { status } = await api(page, "POST", "/tasks", { title: "pay the rent", due_at });
  assert(status === 201, `adding is answered with ${status}`);
  await showTasks(page, "Overdue");
  await page.getByRole("checkbox", { name: /^pay the rent, overdue/ }).waitFor();
  await browser.shoot(page, "overdue");
  await page.getByRole("button", { name: "Dismiss the reminder: pay the rent" }).click();
}

/** Words, tags and priorities narrow the list. */
async function find(page) {
  await showTasks(page, "All");
  const search = page.getByRole("searchbox", { name: "Search tasks" });
  await search.fill("home plants");
  await taskIn(page, "water the plants").waitFor();
  await taskIn(page, "three").waitFor({ state: "detached" });
  await search.fill("nothing like it");
  await page.getByText("No task fits").waitFor();
  await page.getByRole("button", { name: "Clear search and filter" }).click();
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.getByLabel("Priority").selectOption("high");
  await page.keyboard.press("Escape");
  await taskIn(page, "three").waitFor({ state: "detached" });
  await taskIn(page, "water the plants").waitFor();
}

async function focused(page, title) {
  await until(`the focus on ${title}`, () =>
    page.evaluate(
      (wanted) => document.activeElement?.getAttribute("aria-label")?.startsWith(wanted),
      title,
    ),
  );
}

/** "Friday", of the day so many days from now in Berlin. */
function weekday(days) {
  const at = Date.parse(`${dayIn(days)}T12:00:00Z`);
  return new Date(at).toLocaleDateString("en-GB", { weekday: "long", timeZone: "UTC" });
}

function nextMonday() {
  const day = (days) => new Date(`${dayIn(days)}T12:00:00Z`).getUTCDay();
  return dayIn([1, 2, 3, 4, 5, 6, 7].find((days) => day(days) === 1));
}
