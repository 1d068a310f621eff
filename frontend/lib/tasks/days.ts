/**
 * Calendar days and moments, kept apart: a day is `2026-05-01` wherever the person is, a moment is
 * an instant. They meet only through the person's IANA zone.
 */

import { tzOffset } from "@date-fns/tz";

/** A day of the calendar, `2026-05-01`. Compares as text. */
export type Day = string;

const MINUTE = 60_000;
const DAY = 86_400_000;

/** Whether `text` is a day that exists. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}

/** The clock on the wall of `zone` at an instant, written as if it were UTC. */
function wall(zone: string, at: number): Date {
  return new Date(at + tzOffset(zone, new Date(at)) * MINUTE);
}

/** The day it is in `zone` at an instant (milliseconds). */
export function dayIn(zone: string, at: number): Day {
  return wall(zone, at).toISOString().slice(0, 10);
}

/** The time of day it is in `zone` at an instant, `09:30`. */
export function timeIn(zone: string, at: number): string {
  return wall(zone, at).toISOString().slice(11, 16);
}

/**
 * The instant at which the clock of `zone` shows `time` (`09:30`) on `day`, in milliseconds. A time
 * that the clock skips moves forward by the gap; of one that comes twice it is the first.
 */
export function instantAt(day: Day, time: string, zone: string): number {
  const local = Date.parse(`${day}T${time}:00Z`);
  const before = local - tzOffset(zone, new Date(local - DAY)) * MINUTE;
  const after = local - tzOffset(zone, new Date(local + DAY)) * MINUTE;
  const shows = (at: number) => wall(zone, at).getTime() === local;
  const fitting = [before, after].filter(shows);
  return fitting.length > 0 ? Math.min(...fitting) : before;
}

/** The instant at which `day` begins in `zone`. */
export function startOf(day: Day, zone: string): number {
  return instantAt(day, "00:00", zone);
}

/** The day `days` after another. */
export function addDays(day: Day, days: number): Day {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY).toISOString().slice(0, 10);
}

/** How many days `to` is after `from`. */
export function daysBetween(from: Day, to: Day): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / DAY);
}

/** The day of the week, 0 for Monday. */
export function weekday(day: Day): number {
  return (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7;
}

/** The last day of the month of `day`. */
export function lastOfMonth(day: Day): Day {
  const [year = 1970, month = 1] = day.split("-").map(Number);
  return new Date(Date.UTC(year, month, 0)).toISOString().slice(0, 10);
}

/** Monday of the week after that of `day`. */
export function nextMonday(day: Day): Day {
  return addDays(day, 7 - weekday(day));
}

/** Days that are offered one by one, today among them. */
const OFFERED = 5;

/**
 * Where a task can be put: today and the days after it, and "next week" for the Monday that follows
 * if it is none of them; else null.
 */
export function daysOffered(today: Day): { days: Day[]; nextWeek: Day | null } {
  const days = Array.from({ length: OFFERED }, (_, n) => addDays(today, n));
  const monday = nextMonday(today);
  return { days, nextWeek: days.includes(monday) ? null : monday };
}
