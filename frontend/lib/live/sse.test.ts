import { describe, expect, it } from "vitest";
import { EventParser } from "./sse";

const STREAM =
  'retry: 1000\n: open\n\nid: User/ann/1/u0\nevent: task\ndata: {"a":\ndata: 1}\n\n:\n\nevent: resync\ndata: {}\n\n';
const EVENTS = [
  { id: "User/ann/1/u0", event: "task", data: '{"a":\n1}' },
  { id: "", event: "resync", data: "{}" },
];

describe("a stream of events", () => {
  it.each([1, 2, 3, 7, 50, 1000])("is read in pieces of %d characters", (size) => {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < STREAM.length; at += size) {
      events.push(...parser.push(STREAM.slice(at, at + size)));
    }
    expect(events).toEqual(EVENTS);
  });

  it("may end its lines in any way", () => {
    for (const end of ["\r\n", "\r"]) {
      const parser = new EventParser();
      const text = `${STREAM.replaceAll("\n", end)}:${end}`;
      const events = [...text].flatMap((piece) => parser.push(piece));
      expect(events).toEqual(EVENTS);
    }
  });

  it("has no event until it is complete", () => {
    const parser = new EventParser();
    expect(parser.push("event: task\ndata: {}\n")).toEqual([]);
    expect(parser.push("\n")).toHaveLength(1);
  });
});
