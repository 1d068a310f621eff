import { describe, expect, test } from "vitest";
import { ApiError, SignedOutError } from "@/lib/api/client";
import { BrokenStream, sendProblem, UnfinishedAnswer } from "./errors";

function problem(status: number, retryAfter?: number) {
  const words = { title: "Title", detail: "A sentence.", code: "code" };
  return sendProblem(new ApiError({ status, ...words }, retryAfter));
}

describe("a send that failed", () => {
  test.each([new TypeError("Failed to fetch"), new TypeError("network error"), new BrokenStream()])(
    "by %s may be repeated under its key",
    (error) => {
      expect(sendProblem(error).kind).toBe("connection");
    },
  );

  test("in the middle of the answer tells what the backend said", () => {
    const problem = sendProblem(new UnfinishedAnswer("Please try again shortly."));
    expect(problem).toEqual({ kind: "stumbled", sentence: "Please try again shortly." });
  });

  test.each([502, 503, 504])("with %i may be repeated after the wait that was asked", (status) => {
    expect(problem(status, 3)).toMatchObject({ kind: "connection", retryAfter: 3 });
  });

  test("because another answer is on its way waits for that", () => {
    expect(problem(409, 4)).toMatchObject({ kind: "wait", retryAfter: 4 });
    expect(problem(409, 4).sentence).toBe("A sentence. Yours follows.");
  });

  test("by too many requests waits in any case", () => {
    expect(problem(429, 12)).toMatchObject({ kind: "wait", retryAfter: 12 });
    expect(problem(429)).toMatchObject({ kind: "wait", retryAfter: 5 });
  });

  test("without a session asks to sign in", () => {
    expect(sendProblem(new SignedOutError()).kind).toBe("signed-out");
    expect(problem(401)).toMatchObject({ kind: "signed-out" });
  });

  test("in a conversation that is gone says so", () => {
    expect(problem(404).kind).toBe("gone");
  });

  test.each([400, 403, 409, 413, 422, 500])("with %i tells what the backend said", (status) => {
    expect(problem(status)).toEqual({ kind: "refused", sentence: "A sentence." });
  });
});
