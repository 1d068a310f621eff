import { afterEach, expect, test, vi } from "vitest";
import { getSubject, getToken, SignedOutError } from "./token";

afterEach(() => vi.unstubAllGlobals());

test("who asks anew is not told what was asked before the session ended", async () => {
  // Given a token that is on its way
  const claims = btoa(JSON.stringify({ sub: "ann", exp: Date.now() / 1000 + 900 }));
  let arrive = (_: Response) => {};
  const answers = [
    new Promise<Response>((resolve) => {
      arrive = resolve;
    }),
    Promise.resolve(new Response(null, { status: 401 })),
  ];
  vi.stubGlobal("fetch", () => answers.shift());
  const early = getToken();
  // When the session ends, and somebody asks whose it is
  const asked = getSubject(true);
  // Then the first answer does not count
  await expect(asked).rejects.toBeInstanceOf(SignedOutError);
  arrive(Response.json({ token: `head.${claims}.signature` }));
  expect(await early).toBe(`head.${claims}.signature`);
});
