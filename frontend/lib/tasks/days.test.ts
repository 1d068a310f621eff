import { describe, expect, it } from "vitest";
import {
  addDays,
  dayIn,
  daysBetween,
  daysOffered,
  instantAt,
  isDay,
  lastOfMonth,
  nextMonday,
} from "./days";
import { dayLabel } from "./format";

const at = (day: string, time: string, zone: string) =>
  new Date(instantAt(day, time, zone)).toISOString();

describe("a day and an instant", () => {
  it("meet in the person's zone", () => {
    const late = Date.parse("2026-11-24T23:30:00Z");
    expect(dayIn("UTC", late)).toBe("2026-11-24");
    expect(dayIn("Europe/Berlin", late)).toBe("2026-11-25");
    expect(dayIn("America/Los_Angeles", late)).toBe("2026-11-24");
    expect(at("2026-11-25", "09:00", "Asia/Kathmandu")).toBe("2026-11-25T03:15:00.000Z");
    expect(at("2026-11-25", "09:00", "Pacific/Kiritimati")).toBe("2026-11-24T19:00:00.000Z");
  });

  it("a time that the clock skips moves forward by the gap", () => {
    expect(at("2026-03-29", "02:30", "Europe/Berlin")).toBe("2026-03-29T01:30:00.000Z");
    expect(at("2026-03-29", "03:30", "Europe/Berlin")).toBe("2026-03-29T01:30:00.000Z");
    expect(at("2026-03-08", "02:30", "America/New_York")).toBe("2026-03-08T07:30:00.000Z");
  });

  it("a time that comes twice is its first occurrence", () => {
    expect(at("2026-10-25", "02:30", "Europe/Berlin")).toBe("2026-10-25T00:30:00.000Z");
    expect(at("2026-11-01", "01:30", "America/New_York")).toBe("2026-11-01T05:30:00.000Z");
  });

  it("a midnight that the clock skips is the first moment of its day", () => {
    // In Cairo summer time begins at midnight
    expect(at("2026-04-24", "00:00", "Africa/Cairo")).toBe("2026-04-23T22:00:00.000Z");
    expect(dayIn("Africa/Cairo", instantAt("2026-04-24", "00:00", "Africa/Cairo"))).toBe(
      "2026-04-24",
    );
  });
});

describe("the calendar", () => {
  it("counts days over months, years and clock changes", () => {
    expect(addDays("2026-12-31", 1)).toBe("2027-01-01");
    expect(addDays("2028-02-28", 1)).toBe("2028-02-29");
    expect(daysBetween("2026-03-28", "2026-03-30")).toBe(2);
    expect(nextMonday("2026-11-24")).toBe("2026-11-30");
    expect(nextMonday("2026-11-30")).toBe("2026-12-07");
    expect(lastOfMonth("2028-02-10")).toBe("2028-02-29");
  });

  it("knows which days exist", () => {
    expect(isDay("2028-02-29")).toBe(true);
    expect(["2026-02-29", "2026-13-01", "2026-1-1", "today", ""].some(isDay)).toBe(false);
  });
});

describe("the days a task can be put on", () => {
  const offered = (today: string) => {
    const { days, nextWeek } = daysOffered(today);
    return [...days.map((day) => dayLabel(day, today, "en-GB")), ...(nextWeek ? [nextWeek] : [])];
  };

  it.each([
    ["2026-11-23", ["Wednesday", "Thursday", "Friday", "2026-11-30"]],
    ["2026-11-24", ["Thursday", "Friday", "Saturday", "2026-11-30"]],
    ["2026-11-25", ["Friday", "Saturday", "Sunday", "2026-11-30"]],
    // From here on the Monday stands there under its name.
    ["2026-11-26", ["Saturday", "Sunday", "Monday"]],
    ["2026-11-27", ["Sunday", "Monday", "Tuesday"]],
    ["2026-11-28", ["Monday", "Tuesday", "Wednesday"]],
    ["2026-11-29", ["Tuesday", "Wednesday", "Thursday"]],
  ])("are each there once on %s", (today, later) => {
    expect(offered(today)).toEqual(["Today", "Tomorrow", ...later]);
  });
});
