import { describe, expect, it } from "vitest";
import { parseQuickAdd } from "./quick-add";
import { clockAt } from "./views";

/** Tuesday, 24 November 2026, 10:00 in Berlin. */
const clock = clockAt("Europe/Berlin", Date.parse("2026-11-24T09:00:00Z"));
const read = (line: string) => parseQuickAdd(line, clock);

describe("a line in the quick-add box", () => {
  it("has its tags, priority and date taken out of the title", () => {
    expect(read("buy milk tomorrow 9am #shopping !high")).toEqual({
      title: "buy milk",
      tags: ["shopping"],
      priority: "high",
      due: { due_at: "2026-11-25T08:00:00.000Z", due_date: null },
      dueWords: "tomorrow 9am",
    });
  });

  it.each([
    ["call mum today", "call mum", "2026-11-24"],
    ["call mum tomorrow", "call mum", "2026-11-25"],
    ["call mum by tomorrow", "call mum", "2026-11-25"],
    ["call mum on Friday", "call mum", "2026-11-27"],
    ["call mum on tuesday", "call mum", "2026-12-01"],
    ["call mum next friday", "call mum", "2026-12-04"],
    ["call mum in 3 days", "call mum", "2026-11-27"],
    ["call mum in 2 weeks", "call mum", "2026-12-08"],
    ["renew passport 2027-02-28", "renew passport", "2027-02-28"],
  ])("%s: due on a day", (line, title, day) => {
    expect(read(line)).toMatchObject({ title, due: { due_at: null, due_date: day } });
  });

  it.each([
    ["standup at 9:30", "standup", "2026-11-25T08:30:00.000Z"],
    ["standup at noon", "standup", "2026-11-24T11:00:00.000Z"],
    ["gym 6pm", "gym", "2026-11-24T17:00:00.000Z"],
    ["gym fri 18:00", "gym", "2026-11-27T17:00:00.000Z"],
    ["gym at 7.15 pm on friday", "gym", "2026-11-27T18:15:00.000Z"],
    ["dentist tomorrow at 3:30", "dentist", "2026-11-25T14:30:00.000Z"],
    ["film tonight", "film", "2026-11-24T19:00:00.000Z"],
  ])("%s: due at a moment of the person's clock", (line, title, due_at) => {
    expect(read(line)).toMatchObject({ title, due: { due_at, due_date: null } });
  });

  it.each([
    "Read Friday",
    "Buy Sunday Times",
    "Song for tomorrow",
    "Plan the tomorrow",
    "Letter of 2026-05-01",
    'Watch "No time tomorrow"',
    "Watch “The day after tomorrow”",
    "tomorrow",
    "today 9am",
    "Fix issue #12",
    "Learn C #",
    "Email bob@example.com",
    "Say hi!high",
    "Sort !urgent",
    "Room 13:75 on",
    "Book 2026-02-30",
    "Meet at 25:00",
    "Do it 2020-01-01",
    "Be home today 9am",
    "Mon ami",
    "Run 5 km at 9",
  ])("%s stays as it was typed", (line) => {
    expect(read(line)).toMatchObject({
      title: line,
      tags: [],
      priority: "normal",
      due: { due_at: null, due_date: null },
      dueWords: null,
    });
  });

  it("leaves marks in quotes and keeps the rest", () => {
    expect(read('write "use #tag !high" #docs')).toMatchObject({
      title: 'write "use #tag !high"',
      tags: ["docs"],
      priority: "normal",
    });
  });

  it("keeps a date as words when told so", () => {
    expect(parseQuickAdd("call mum tomorrow #home", clock, { asDue: false })).toMatchObject({
      title: "call mum tomorrow",
      tags: ["home"],
      due: { due_at: null, due_date: null },
    });
  });

  it("takes tags of other scripts once, and no more than ten", () => {
    expect(read("a #Übung #買い物 #Übung").tags).toEqual(["Übung", "買い物"]);
    const many = Array.from({ length: 12 }, (_, n) => `#t${n}`).join(" ");
    const taken = read(`a ${many}`);
    expect(taken.tags).toHaveLength(10);
    expect(taken.title).toBe("a #t10 #t11");
  });
});
