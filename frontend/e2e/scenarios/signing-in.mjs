// Signing up, out and in again, by mouse and by keyboard, and what is refused on the way.
import { accessible, assert, listens, PASSWORD } from "../browser.mjs";

export default async function (browser) {
  // Somebody who is not signed in is asked to
  const page = await browser.window();
  await page.goto(browser.url);
  await page.waitForURL(`${browser.url}/sign-in`);

  // Mistakes are told at the field, which gets the focus
  await page.getByRole("link", { name: "Create an account" }).click();
  await page.waitForURL(`${browser.url}/sign-up`);
  await page.getByLabel("Name").fill("Ann");
  await page.getByLabel("Email").fill("ann@nowhere");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByText("Enter an email address").waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("name"));
  assert((await focused()) === "email", "the field with the mistake has no focus");
  await accessible(page, "sign-up with a mistake");

  // Signing up, by keyboard alone
  const email = `ann-${Date.now()}@example.com`;
  await page.getByLabel("Email").fill(email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await page.waitForURL(`${browser.url}/`);

  // The session is a cookie that no script can read, and nothing secret is stored
  const [cookie] = (await page.context().cookies()).filter((c) => c.name.includes("session_token"));
  assert(cookie.httpOnly && cookie.sameSite === "Lax", "the session cookie is not well kept");
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  assert(!stored.includes("eyJ") && !stored.includes(cookie.value), "something secret is stored");

  // The same address cannot sign up twice
  const other = await browser.window();
  await other.goto(`${browser.url}/sign-up`);
  await other.getByLabel("Name").fill("Ann");
  await other.getByLabel("Email").fill(email);
  await other.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await other.getByRole("button", { name: "Create account" }).click();
  await other.getByText("There is an account with this email already").waitFor();

  // A wrong password is refused, the right one is not; showing it helps to type it
  await other.goto(`${browser.url}/sign-in`);
  await other.getByLabel("Email").fill(email);
  await other.getByLabel("Password", { exact: true }).fill("wrong");
  await other.getByRole("button", { name: "Show password" }).click();
  assert(
    (await other.getByLabel("Password", { exact: true }).getAttribute("type")) === "text",
    "hidden",
  );
  await other.getByRole("button", { name: "Sign in" }).click();
  await other.getByRole("alert").filter({ hasText: "There is no account" }).waitFor();
  await accessible(other, "sign-in that was refused");
  await other.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await other.getByRole("button", { name: "Sign in" }).click();
  await other.waitForURL(`${browser.url}/`);

  // Signing out ends the session in all tabs of the browser
  const tab = await browser.another(page);
  await tab.goto(browser.url);
  // A tab that does not listen yet does not hear of it, and goes on until its token ends.
  await listens(tab);
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.waitForURL(`${browser.url}/sign-in`);
  await tab.waitForURL(`${browser.url}/sign-in?ended=1`);
  await tab.getByText("Your session has ended").waitFor();
}
