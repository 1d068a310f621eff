import { describe, expect, test } from "vitest";
import { authMessage, checkFields } from "./auth-errors";

describe("authMessage", () => {
  test("names the field that a refusal is about", () => {
    expect(authMessage({ status: 422, code: "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL" }).field).toBe(
      "email",
    );
    expect(authMessage({ status: 401, code: "INVALID_EMAIL_OR_PASSWORD" }).field).toBeUndefined();
  });

  test("tells too many tries, an outage and no connection apart", () => {
    const said = [{ status: 429 }, { status: 503 }, {}].map((failure) => authMessage(failure).text);
    expect(new Set(said).size).toBe(3);
    expect(said[0]).toContain("Wait");
    expect(said[2]).toContain("connection");
  });
});

describe("checkFields", () => {
  const good = { name: "Ann", email: "ann@example.com", password: "long enough", isNew: true };

  test("finds nothing wrong with good values", () => {
    expect(checkFields(good)).toBeUndefined();
  });

  test.each([
    [{ name: " " }, "name"],
    [{ email: "ann@" }, "email"],
    [{ email: "ann example.com" }, "email"],
    [{ password: "" }, "password"],
    [{ password: "short" }, "password"],
  ])("finds what is wrong in %o", (wrong, field) => {
    expect(checkFields({ ...good, ...wrong })?.field).toBe(field);
  });

  test("asks nothing of the length of an old password", () => {
    expect(checkFields({ ...good, password: "short", isNew: false })).toBeUndefined();
  });
});
