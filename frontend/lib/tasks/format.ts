/** Days, times and moments in words. The language is English; the clock is the person's. */

import type { Task } from "@/lib/api/types";
import { type Day, daysBetween } from "./days";
import { dueDay } from "./due";

/** English as the browser's person writes it: their own kind of English, else by their clock. */
export function uiLocale(): string {
  const { locale, hour12 } = new Intl.DateTimeFormat(undefined, {
    hour: "numeric",
  }).resolvedOptions();
  if (locale.startsWith("en")) return locale;
  return hour12 ? "en-US" : "en-GB";
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatted(at: number, options: Intl.DateTimeFormatOptions, locale = uiLocale()): string {
  const name = `${locale} ${JSON.stringify(options)}`;
  let format = formats.get(name);
  if (!format) {
    format = new Intl.DateTimeFormat(locale, options);
    formats.set(name, format);
  }
  return format.format(at);
}

/** "Today", "Tomorrow", "Friday" within the week, else "Fri 4 Dec" with the year if another. */
export function dayLabel(day: Day, today: Day, locale?: string): string {
  const ahead = daysBetween(today, day);
  if (ahead === 0) return "Today";
  if (ahead === 1) return "Tomorrow";
  if (ahead === -1) return "Yesterday";
  const at = Date.parse(`${day}T00:00:00Z`);
  if (ahead > 1 && ahead < 7) return formatted(at, { weekday: "long", timeZone: "UTC" }, locale);
  const year = day.slice(0, 4) === today.slice(0, 4) ? undefined : ("numeric" as const);
  const parts = { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" } as const;
  return formatted(at, year ? { ...parts, year } : parts, locale);
}

/** A day with everything said, for those who hear it. */
export function fullDay(day: Day, locale?: string): string {
  const at = Date.parse(`${day}T00:00:00Z`);
  return formatted(at, { dateStyle: "full", timeZone: "UTC" }, locale);
}

/** A time of day in `zone`, as the person's clock shows it. */
export function timeLabel(at: number, zone: string, locale?: string): string {
  return formatted(at, { timeStyle: "short", timeZone: zone }, locale);
}

/** "Tomorrow, 09:00"; null without a due moment. */
export function dueLabel(
  task: Pick<Task, "due_at" | "due_date">,
  today: Day,
  zone: string,
  locale?: string,
): string | null {
  const day = dueDay(task, zone);
  if (day === null) return null;
  const label = dayLabel(day, today, locale);
  return task.due_at ? `${label}, ${timeLabel(Date.parse(task.due_at), zone, locale)}` : label;
}

/** How far before the due moment a reminder comes, in words. */
export function offsetLabel(minutes: number): string {
  if (minutes === 0) return "At the due time";
  for (const [size, unit] of [
    [10_080, "week"],
    [1_440, "day"],
    [60, "hour"],
  ] as const) {
    if (minutes % size === 0) return `${count(minutes / size, unit)} before`;
  }
  return `${count(minutes, "minute")} before`;
}

/** "1 task", "2 tasks". */
export function count(n: number, thing: string): string {
  return `${n.toLocaleString("en")} ${thing}${n === 1 ? "" : "s"}`;
}
