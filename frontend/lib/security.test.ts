import { expect, test } from "vitest";
import { contentSecurityPolicy } from "./security";

test("only what has the nonce runs, and nothing comes from elsewhere", () => {
  const policy = contentSecurityPolicy("abc");
  expect(policy).toContain("script-src 'self' 'nonce-abc' 'strict-dynamic';");
  expect(policy).toContain("style-src 'self' 'nonce-abc';");
  expect(policy).not.toContain("unsafe");
  expect(policy).not.toMatch(/https?:/);
});
