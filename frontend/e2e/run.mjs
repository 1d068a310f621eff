// Runs one scenario in a real browser: node run.mjs <scenario> '<json>'.
//
// The JSON has `url` (the page), `chromium` (its program) and `shots` (a folder for screenshots).
// What only the other side can do is asked for on standard output and answered on standard input;
// see `ask`. Exit status 0 means that all of it held.
import { Browser } from "./browser.mjs";

const [name, json] = process.argv.slice(2);
const settings = JSON.parse(json);
const { default: scenario } = await import(`./scenarios/${name}.mjs`);
const browser = await Browser.launch(settings);
try {
  await scenario(browser);
  browser.check();
  console.log(`# ${name} holds`);
} catch (error) {
  console.error(error);
  await browser.shootAll(`failed-${name}`);
  process.exitCode = 1;
} finally {
  await browser.close();
  // The other end of standard input stays open.
  process.stdin.destroy();
}
