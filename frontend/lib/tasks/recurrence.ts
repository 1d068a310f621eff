/** How tasks repeat: what the editor offers, and the RRULE the backend takes for it. */

import { type Day, lastOfMonth, weekday } from "./days";

const CODES = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"] as const;
export const WEEKDAY_NAMES = [
  "Monday",
  "Tuesday",
  "Wednesday",
  "Thursday",
  "Friday",
  "Saturday",
  "Sunday",
] as const;
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;
const WORKDAYS = [0, 1, 2, 3, 4];

export type Unit = "day" | "week" | "month" | "year";

/** Where a series ends: nowhere, with a day, or after so many times. */
export type End =
  | { kind: "never" }
  | { kind: "until"; day: Day }
  | { kind: "count"; count: number };

/** A rule as the editor's fields have it. */
export interface Repeat {
  unit: Unit;
  /** 1 to 999. */
  interval: number;
  /** Days of the week, 0 for Monday; weekly rules have at least one. */
  weekdays: number[];
  /** A monthly rule's day, -1 for the last; null for that of the due day. */
  monthDay: number | null;
  /** A yearly rule's month, 1 to 12; null for that of the due day. */
  month: number | null;
  end: End;
}

/** A rule by one click. */
export interface Preset {
  label: string;
  rule: string;
}

/** What is offered for a task that is due on `day`. */
export function presets(day: Day): Preset[] {
  const [, month = 1, number = 1] = day.split("-").map(Number);
  const on = weekday(day);
  const offered: Preset[] = [
    { label: "Every day", rule: "FREQ=DAILY" },
    { label: "Every weekday", rule: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR" },
    { label: `Every week on ${WEEKDAY_NAMES[on]}`, rule: `FREQ=WEEKLY;BYDAY=${CODES[on]}` },
    {
      label: `Every 2 weeks on ${WEEKDAY_NAMES[on]}`,
      rule: `FREQ=WEEKLY;INTERVAL=2;BYDAY=${CODES[on]}`,
    },
    { label: `Every month on the ${ordinal(number)}`, rule: `FREQ=MONTHLY;BYMONTHDAY=${number}` },
    {
      label: `Every year on ${number} ${MONTHS[month - 1]}`,
      rule: `FREQ=YEARLY;BYMONTH=${month};BYMONTHDAY=${number}`,
    },
  ];
  if (day === lastOfMonth(day)) {
    const last = { label: "Every month on the last day", rule: "FREQ=MONTHLY;BYMONTHDAY=-1" };
    offered.splice(5, 0, last);
  }
  return offered;
}

/** The RRULE of the fields. */
export function ruleOf(repeat: Repeat): string {
  const frequency = { day: "DAILY", week: "WEEKLY", month: "MONTHLY", year: "YEARLY" }[repeat.unit];
  const parts = [`FREQ=${frequency}`];
  if (repeat.interval > 1) parts.push(`INTERVAL=${repeat.interval}`);
  if (repeat.unit === "week" && repeat.weekdays.length > 0) {
    const days = [...repeat.weekdays].sort((a, b) => a - b);
    parts.push(`BYDAY=${days.map((day) => CODES[day]).join(",")}`);
  }
  if (repeat.unit === "year" && repeat.month !== null) parts.push(`BYMONTH=${repeat.month}`);
  if ((repeat.unit === "month" || repeat.unit === "year") && repeat.monthDay !== null) {
    parts.push(`BYMONTHDAY=${repeat.monthDay}`);
  }
  if (repeat.end.kind === "until") parts.push(`UNTIL=${repeat.end.day.replaceAll("-", "")}`);
  if (repeat.end.kind === "count") parts.push(`COUNT=${repeat.end.count}`);
  return parts.join(";");
}

/** The fields of a rule as the backend writes it. */
export function repeatOf(rule: string): Repeat {
  const parts = new Map(
    rule.split(";").map((part): [string, string] => {
      const [name = "", value = ""] = part.split("=");
      return [name, value];
    }),
  );
  const units: Record<string, Unit> = {
    DAILY: "day",
    WEEKLY: "week",
    MONTHLY: "month",
    YEARLY: "year",
  };
  const number = (name: string) => (parts.has(name) ? Number(parts.get(name)) : null);
  const codes = parts.get("BYDAY")?.split(",") ?? [];
  return {
    unit: units[parts.get("FREQ") ?? ""] ?? "day",
    interval: number("INTERVAL") ?? 1,
    weekdays: codes.map((code) => (CODES as readonly string[]).indexOf(code)),
    monthDay: number("BYMONTHDAY"),
    month: number("BYMONTH"),
    end: endOf(parts.get("UNTIL"), number("COUNT")),
  };
}

function endOf(until: string | undefined, count: number | null): End {
  if (until) {
    const day = `${until.slice(0, 4)}-${until.slice(4, 6)}-${until.slice(6, 8)}`;
    return { kind: "until", day };
  }
  return count === null ? { kind: "never" } : { kind: "count", count };
}

/** A rule in words, for the moments until the backend's own have come. */
export function ruleWords(rule: string): string {
  const { unit, interval, weekdays, monthDay, month, end } = repeatOf(rule);
  const every = interval === 1 ? `every ${unit}` : `every ${interval} ${unit}s`;
  return `${onDays()}${ending()}`;

  function onDays(): string {
    const workdays = weekdays.length === 5 && WORKDAYS.every((day) => weekdays.includes(day));
    if (unit === "week" && interval === 1 && workdays) return "every weekday";
    if (unit === "week" && weekdays.length > 0) return `${every} on ${listed(weekdays)}`;
    const last = monthDay === -1;
    if (unit === "month" && monthDay !== null) {
      return `${every} on the ${last ? "last day" : ordinal(monthDay)}`;
    }
    if (unit === "year" && monthDay !== null && month !== null) {
      const name = MONTHS[month - 1];
      return last ? `${every} on the last day of ${name}` : `${every} on ${monthDay} ${name}`;
    }
    return every;
  }

  function ending(): string {
    if (end.kind === "count") return end.count === 1 ? ", once" : `, ${end.count} times`;
    if (end.kind === "never") return "";
    const [year, number, day] = end.day.split("-").map(Number);
    return ` until ${day} ${MONTHS[(number ?? 1) - 1]} ${year}`;
  }
}

/** "Monday", "Monday and Friday", "Monday, Wednesday and Friday". */
function listed(weekdays: number[]): string {
  const names = [...weekdays].sort((a, b) => a - b).map((day) => WEEKDAY_NAMES[day] ?? "");
  const last = names.pop() ?? "";
  return names.length > 0 ? `${names.join(", ")} and ${last}` : last;
}

function ordinal(n: number): string {
  const ending = Math.floor(n / 10) === 1 ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th");
  return `${n}${ending}`;
}
