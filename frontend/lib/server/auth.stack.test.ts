import { getMigrations } from "better-auth/db/migration";
import { expect, test } from "vitest";
import { build } from "./auth";
import { readConfig } from "./config";

test("our migrations leave Better Auth nothing to create or add", async () => {
  const databaseUrl = process.env.DATABASE_URL ?? "";
  const auth = build(readConfig({ NODE_ENV: "test" }), {
    databaseUrl,
    betterAuthSecret: "x".repeat(32),
  });
  const { toBeCreated, toBeAdded } = await getMigrations(auth.options);
  expect(toBeCreated).toEqual([]);
  expect(toBeAdded).toEqual([]);
  // And it is our tables that it looked at
  const { adapter } = await auth.$context;
  expect(await adapter.count({ model: "user" })).toBeGreaterThanOrEqual(0);
});
