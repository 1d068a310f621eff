import { expect, test } from "vitest";
import { askedPhrase, withoutPhrase } from "./confirmation";

test("an answer that asks for a phrase", () => {
  const asks = (count: string) =>
    `This would delete them, so I have not done it yet:\n- “a”\nTo delete them, type exactly: ${count}`;
  expect(askedPhrase(asks("delete 3 tasks"))).toBe("delete 3 tasks");
  expect(askedPhrase(asks("delete 1 task"))).toBe("delete 1 task");
  const rest = "This would delete them, so I have not done it yet:\n- “a”";
  expect(withoutPhrase(asks("delete 3 tasks"))).toBe(rest);
});

test("an answer that does not ask", () => {
  expect(askedPhrase("Added “type exactly: delete 3 tasks”.")).toBeUndefined();
  expect(askedPhrase("Deleted 3 tasks.")).toBeUndefined();
});
