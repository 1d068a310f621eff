import { expect, test } from "vitest";
import { readConfig } from "./config";

const env = (values: Record<string, string>) =>
  ({ NODE_ENV: "test", ...values }) as NodeJS.ProcessEnv;

test("what is not set has its default", () => {
  const config = readConfig(env({}));
  expect(config.publicUrl).toBe("http://127.0.0.1:3000");
  expect(config.issuer).toBe(config.publicUrl);
  expect(config.tokenSeconds).toBe(900);
});

test("origins are what stands between commas, and addresses end without a slash", () => {
  const config = readConfig(
    env({ PUBLIC_URL: "https://todo.example.com/", TRUSTED_ORIGINS: "https://a.example, ,b" }),
  );
  expect(config.publicUrl).toBe("https://todo.example.com");
  expect(config.trustedOrigins).toEqual(["https://a.example", "b"]);
});

test.each([
  ["PUBLIC_URL", "nowhere"],
  ["SIGN_INS_PER_MINUTE", "many"],
  ["SIGN_INS_PER_MINUTE", "0"],
  ["TOKEN_SECONDS", "1.5"],
])("a wrong %s is one sentence that names it", (name, value) => {
  expect(() => readConfig(env({ [name]: value }))).toThrow(`${name} is wrong: it must be `);
});
