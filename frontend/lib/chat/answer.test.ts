import { expect, test } from "vitest";
import { readAnswer } from "./answer";

test("an answer that was planned without the language model says so apart", () => {
  const note = "(The language model was not reachable, so I used simpler understanding.)";
  expect(readAnswer(`Added “milk”.\n\n${note}`)).toEqual({ text: "Added “milk”.", simpler: true });
  expect(readAnswer("Added “milk”.")).toEqual({ text: "Added “milk”.", simpler: false });
});
