import { describe, expect, it } from "vitest";
import { presets, repeatOf, ruleOf, ruleWords } from "./recurrence";

describe("what is offered to repeat a task", () => {
  it("fits the day it is due on", () => {
    const labels = presets("2026-11-24").map((preset) => preset.label);
    expect(labels).toEqual([
      "Every day",
      "Every weekday",
      "Every week on Tuesday",
      "Every 2 weeks on Tuesday",
      "Every month on the 24th",
      "Every year on 24 November",
    ]);
  });

  it("has the last day of the month only there", () => {
    const rules = (day: string) => presets(day).map((preset) => preset.rule);
    expect(rules("2026-11-30")).toContain("FREQ=MONTHLY;BYMONTHDAY=-1");
    expect(rules("2026-11-29")).not.toContain("FREQ=MONTHLY;BYMONTHDAY=-1");
  });

  it("is told in the same words once chosen", () => {
    for (const day of ["2026-11-30", "2026-02-01", "2026-12-22", "2026-01-13"]) {
      for (const { label, rule } of presets(day)) {
        expect(ruleWords(rule)).toBe(label.replace("Every", "every"));
      }
    }
  });
});

describe("a rule", () => {
  it.each([
    ["FREQ=DAILY;INTERVAL=3", "every 3 days"],
    ["FREQ=WEEKLY;BYDAY=MO,WE,FR", "every week on Monday, Wednesday and Friday"],
    [
      "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,SU;COUNT=10",
      "every 2 weeks on Saturday and Sunday, 10 times",
    ],
    [
      "FREQ=MONTHLY;BYMONTHDAY=-1;UNTIL=20271231",
      "every month on the last day until 31 December 2027",
    ],
    ["FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=3;COUNT=1", "every year on 3 May, once"],
    ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1", "every year on the last day of February"],
  ])("%s survives the editor's fields and is told in words", (rule, words) => {
    expect(ruleOf(repeatOf(rule))).toBe(rule);
    expect(ruleWords(rule)).toBe(words);
  });

  it("lists its days in the order of the week", () => {
    const rule = ruleOf({ ...repeatOf("FREQ=WEEKLY"), weekdays: [4, 0] });
    expect(rule).toBe("FREQ=WEEKLY;BYDAY=MO,FR");
  });
});
