import { expect, test } from "vitest";
import { asMarkdown } from "./markdown";

test("Markdown in an answer stays Markdown", () => {
  const answer = "You have **2** tasks:\n- one\n- two";
  expect(asMarkdown(answer)).toBe(answer);
});

test("a title is shown as it was written", () => {
  expect(asMarkdown("Added “*buy* _milk_”, due tomorrow.")).toBe(
    "Added “\\*buy\\* \\_milk\\_”, due tomorrow.",
  );
  expect(asMarkdown("“[a](https://b.example)”")).toBe("“\\[a\\]\\(https\\://b\\.example\\)”");
});

test("a quote that does not close is left alone", () => {
  expect(asMarkdown("“*a*\n*b*”")).toBe("“*a*\n*b*”");
});
