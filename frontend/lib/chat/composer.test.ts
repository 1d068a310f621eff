import { describe, expect, test } from "vitest";
import { keyAction, lengthOf } from "./composer";

const key = (name: string, over: object = {}) => ({
  key: name,
  shiftKey: false,
  ctrlKey: false,
  altKey: false,
  metaKey: false,
  isComposing: false,
  keyCode: 0,
  ...over,
});

describe("keys in the composer", () => {
  test("Enter sends, Shift+Enter begins a line", () => {
    expect(keyAction(key("Enter"), "milk")).toBe("send");
    expect(keyAction(key("Enter", { shiftKey: true }), "milk")).toBeUndefined();
  });

  test("the Enter of an input method chooses a character", () => {
    expect(keyAction(key("Enter", { isComposing: true }), "ぎゅうにゅう")).toBeUndefined();
    expect(keyAction(key("Enter", { keyCode: 229 }), "ぎゅうにゅう")).toBeUndefined();
  });

  test("the upper arrow takes the last message, but only into an empty box", () => {
    expect(keyAction(key("ArrowUp"), "")).toBe("edit-last");
    expect(keyAction(key("ArrowUp"), "milk")).toBeUndefined();
  });

  test("Escape is told, other keys are the browser's", () => {
    expect(keyAction(key("Escape"), "")).toBe("escape");
    expect(keyAction(key("a"), "")).toBeUndefined();
  });
});

test("length is counted as the backend counts it", () => {
  expect(lengthOf("  milk \n")).toBe(4);
  expect(lengthOf("🥛🥛")).toBe(2);
  expect(lengthOf("   ")).toBe(0);
});
