// What is served, as it is: the policy of every page, cookies, tokens, the manifest, what moves, and
// what is kept in the browser.
import { addTask, assert, say, showTasks, taskIn } from "../browser.mjs";
import { finished } from "../talk.mjs";

export default async function (browser) {
  const { page } = await browser.newPerson("Ann");
  await say(page, "add buy milk tomorrow at 9am");
  await finished(page);
  await addTask(page, "water the plants");
  await policies(browser, page);
  await cookiesAndStorage(page);
  await claims(page);
  await manifest(browser, page);
  await motion(browser);
}

/** Scripts run with the nonce of their own response only, and nothing comes from elsewhere. */
async function policies(browser, page) {
  const nonces = new Set();
  const paths = ["/", "/", "/settings", "/sign-in", "/sign-up", "/nowhere"];
  for (const path of paths) {
    const response = await page.context().request.get(browser.url + path, { maxRedirects: 0 });
    const headers = response.headers();
    const policy = headers["content-security-policy"] ?? "";
    const directives = new Map(
      policy.split("; ").map((each) => [each.split(" ")[0], each.split(" ").slice(1)]),
    );
    const scripts = directives.get("script-src") ?? [];
    const nonce = /'nonce-([A-Za-z0-9+/=]{22,})'/.exec(scripts.join(" "))?.[1];
    assert(nonce, `${path} has no nonce: ${policy}`);
    assert(!policy.includes("unsafe"), `${path} allows what is unsafe: ${policy}`);
    assert(directives.get("default-src")?.join() === "'none'", `${path}: ${policy}`);
    const known = /^'(self|none|strict-dynamic|nonce-.*)'$|^(data|blob):$/;
    const foreign = [...directives.values()].flat().filter((source) => !known.test(source));
    assert(foreign.length === 0, `${path} may load from ${foreign}`);
    if (response.status() < 300) {
      const tags = (await response.text()).match(/<script\b[^>]*>/g) ?? [];
      assert(tags.length > 0, `${path} has no script`);
      const without = tags.filter((tag) => !tag.includes(`nonce="${nonce}"`));
      assert(without.length === 0, `${path} has scripts without its nonce: ${without}`);
    }
    assert(headers["x-content-type-options"] === "nosniff", `${path} may be sniffed`);
    nonces.add(nonce);
  }
  assert(nonces.size === paths.length, "a nonce comes twice");
}

/** No script reads the session, no other site sends it, and nothing secret is stored. */
async function cookiesAndStorage(page) {
  const cookies = await page.context().cookies();
  const session = cookies.filter(({ name }) => name.includes("session"));
  assert(session.length > 0, "there is no session cookie");
  for (const { name, httpOnly, sameSite } of session) {
    assert(httpOnly && sameSite === "Lax", `${name} is not well kept`);
  }
  const { stored, readable, token } = await page.evaluate(async () => ({
    stored: JSON.stringify({ ...localStorage, ...sessionStorage }),
    readable: document.cookie,
    token: (await (await fetch("/auth/token")).json()).token,
  }));
  for (const secret of [token, ...session.map(({ value }) => value)]) {
    for (const part of secret.split(".").filter(({ length }) => length > 20)) {
      assert(!stored.includes(part), "something secret is stored");
      assert(!readable.includes(part), "a script can read something secret");
    }
  }
  // Nor another token, of an hour ago
  assert(!/eyJ[\w-]+\.eyJ/.test(stored + readable), "a token is stored");
}

/** A token says who it is for how long, and nothing else. */
async function claims(page) {
  const { token, user, keys } = await page.evaluate(async () => {
    const read = async (path) => (await fetch(path)).json();
    return {
      token: (await read("/auth/token")).token,
      user: (await read("/auth/get-session")).user.id,
      keys: (await read("/auth/jwks")).keys,
    };
  });
  const [head, body] = token
    .split(".")
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, "base64url").toString()));
  assert(head.alg === "EdDSA", `the token is signed with ${head.alg}`);
  const key = keys.find(({ kid }) => kid === head.kid);
  assert(key?.crv === "Ed25519" && !("d" in key), "its public key is not published as such");
  const names = Object.keys(body).sort().join();
  assert(names === "aud,exp,iat,iss,sub", `the token says ${names}`);
  assert(body.sub === user, "the token is somebody else's");
  assert(body.aud === "todo-backend", `the token is for ${body.aud}`);
  assert(/^https?:\/\//.test(body.iss), `the token is of ${body.iss}`);
  assert(body.exp - body.iat === 15 * 60, `the token is good for ${body.exp - body.iat} s`);
}

/** A phone or desktop finds what it needs to install the page. */
async function manifest(browser, page) {
  const { request } = page.context();
  const href = await page.locator("link[rel=manifest]").getAttribute("href");
  const app = await (await request.get(new URL(href, browser.url).href)).json();
  assert(app.name && app.short_name && app.start_url === "/", JSON.stringify(app));
  assert(app.display === "standalone", `it shows as ${app.display}`);
  const wanted = [
    ["192x192", "any"],
    ["512x512", "any"],
    ["512x512", "maskable"],
  ];
  for (const [sizes, purpose] of wanted) {
    const icon = app.icons.find((each) => each.sizes === sizes && each.purpose === purpose);
    assert(icon, `there is no icon of ${sizes} for ${purpose}`);
    const image = await (await request.get(new URL(icon.src, browser.url).href)).body();
    // A PNG has its width and height after 16 bytes.
    const size = `${image.readUInt32BE(16)}x${image.readUInt32BE(20)}`;
    assert(size === sizes, `${icon.src} is ${size}`);
  }
  // And the browser itself has nothing to say against it
  const devtools = await page.context().newCDPSession(page);
  const { errors } = await devtools.send("Page.getAppManifest");
  assert(errors.length === 0, JSON.stringify(errors));
}

/** Who has asked for less motion sees none; who has not, some. */
async function motion(browser) {
  const moving = async (reducedMotion) => {
    const { page } = await browser.newPerson("Mo", { reducedMotion });
    await page.evaluate(() => {
      globalThis.longest = 0;
      const look = () => {
        for (const animation of document.getAnimations()) {
          const { duration, delay } = animation.effect?.getComputedTiming() ?? {
            duration: 0,
            delay: 0,
          };
          globalThis.longest = Math.max(globalThis.longest, Number(duration) + delay);
        }
        requestAnimationFrame(look);
      };
      look();
    });
    await say(page, "add buy milk");
    await finished(page);
    await addTask(page, "water the plants");
    await showTasks(page, "All");
    await taskIn(page, "buy milk").waitFor();
    await page.getByRole("button", { name: "Account" }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).waitFor();
    return page.evaluate(() => globalThis.longest);
  };
  const [still, usual] = [await moving("reduce"), await moving("no-preference")];
  assert(still <= 1, `something moves for ${still} ms although less motion was asked for`);
  assert(usual > 50, "nothing moves at all: this test sees nothing");
}
