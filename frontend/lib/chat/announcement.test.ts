import { expect, test } from "vitest";
import { hear, type Progress } from "./announcement";
import type { Phase } from "./session-state";

/** What is said while a conversation goes through these moments. */
function said(...moments: [Phase["name"] | Phase, string?][]): (string | undefined)[] {
  const progress = moments.map(([phase, message]) => ({
    phase: typeof phase === "string" ? { name: phase, why: "connection" } : phase,
    message,
  }));
  const [first, ...later] = progress as Progress[];
  let before = first as Progress;
  return later.map((moment) => {
    const { said, now } = hear(before, moment);
    before = now;
    return said;
  });
}

test("the start and the end of an answer are said, and nothing between", () => {
  expect(
    said(["idle"], ["answering", "a"], ["answering", "a"], ["stopping", "a"], ["idle"]),
  ).toEqual(["Assistant is answering", undefined, undefined, "Answer finished"]);
});

test("answers that follow one another are each said to end and to begin", () => {
  const next = "Answer finished. Assistant is answering";
  expect(said(["answering", "a"], ["answering", "b"], ["answering", "c"], ["idle"])).toEqual([
    next,
    next,
    "Answer finished",
  ]);
  expect(said(["stopping", "a"], ["answering", "b"])).toEqual([next]);
});

test("an answer that is taken up again is no other one", () => {
  expect(said(["answering", "a"], ["waiting", "a"], ["waiting", "a"], ["answering", "a"])).toEqual([
    "Reconnecting",
    undefined,
    "Assistant is answering",
  ]);
  // A stop that did not arrive
  expect(said(["stopping", "a"], ["answering", "a"])).toEqual([undefined]);
});

test("a stop ends one answer and the next begins, though the queue moves on before the conversation", () => {
  expect(
    said(["answering", "a"], ["stopping", "a"], ["stopping", "b"], ["answering", "b"]),
  ).toEqual([undefined, undefined, "Answer finished. Assistant is answering"]);
  // Also if there is none
  expect(said(["stopping", "a"], ["stopping"], ["idle"])).toEqual([undefined, "Answer finished"]);
  expect(said(["answering", "a"], ["answering"], ["answering", "b"])).toEqual([
    undefined,
    "Answer finished. Assistant is answering",
  ]);
});

test("what the backend asks to wait for is said once", () => {
  const wait = (sentence: string): Phase => ({ name: "waiting", why: "asked", sentence });
  const many = "Those were many messages in a short time. Yours is sent in a moment.";
  const first = "Another message is being answered. Yours follows.";
  expect(
    said(
      ["answering", "a"],
      [wait(first), "a"],
      [wait(first), "a"],
      [wait(many), "a"],
      ["waiting", "a"],
      ["answering", "a"],
    ),
  ).toEqual([first, undefined, many, "Reconnecting", "Assistant is answering"]);
});

test("that the connection is lost is said elsewhere", () => {
  const offline: Phase = { name: "waiting", why: "offline", sentence: "You are offline." };
  expect(said(["answering", "a"], [offline, "a"], ["answering", "a"])).toEqual([
    undefined,
    "Assistant is answering",
  ]);
});
