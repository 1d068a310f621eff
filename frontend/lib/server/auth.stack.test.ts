import { getMigrations } from "better-auth/db/migration";
import { expect, test } from "vitest";
import { build } from "./auth";
import { readConfig } from "./config";

function authOf(env: Record<string, string> = {}) {
  const databaseUrl = process.env.DATABASE_URL ?? "";
  const config = readConfig({ NODE_ENV: "test", ...env });
  return build(config, { databaseUrl, betterAuthSecret: "x".repeat(32) });
}

test("our migrations leave Better Auth nothing to create or add", async () => {
  const auth = authOf();
  const { toBeCreated, toBeAdded } = await getMigrations(auth.options);
  expect(toBeCreated).toEqual([]);
  expect(toBeAdded).toEqual([]);
  // And it is our tables that it looked at
  const { adapter } = await auth.$context;
  expect(await adapter.count({ model: "user" })).toBeGreaterThanOrEqual(0);
});

test("behind an ingress that ends https, cookies are sent by https only", async () => {
  const auth = authOf({ PUBLIC_URL: "https://todo.example.com" });
  // As it arrives: from the ingress, without encryption
  const request = new Request("http://10.0.0.7:3000/auth/sign-up/email", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      origin: "https://todo.example.com",
      "x-forwarded-for": "192.0.2.7",
      "x-forwarded-host": "todo.example.com",
      "x-forwarded-proto": "https",
    },
    body: JSON.stringify({
      name: "Ann",
      email: `ann-${crypto.randomUUID()}@example.com`,
      password: "correct horse battery",
    }),
  });
  const response = await auth.handler(request);
  expect(response.status).toBe(200);
  const cookies = response.headers.getSetCookie();
  expect(cookies.length).toBeGreaterThan(0);
  for (const cookie of cookies) {
    expect(cookie).toMatch(/^__Secure-todo\./);
    for (const attribute of ["HttpOnly", "Secure", "SameSite=Lax"]) {
      expect(cookie).toContain(`; ${attribute}`);
    }
  }
});

test("however many people behind one address renew their tokens, nobody is turned away", async () => {
  const auth = authOf();
  const ask = () => {
    const headers = { "x-forwarded-for": "192.0.2.8" };
    return auth.handler(new Request("http://localhost:3000/auth/token", { headers }));
  };
  const statuses = new Set<number>();
  for (let asked = 0; asked < 400; asked++) statuses.add((await ask()).status);
  expect([...statuses]).toEqual([401]);
});
