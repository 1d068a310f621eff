/**
 * What a line typed into the quick-add box means: `buy milk tomorrow 9am #shopping !high`.
 *
 * Tags and priorities are marked, so they stand anywhere. A date is words like any other, so only
 * one that ends the line and can hardly mean anything else is taken ("Read Friday" stays a title),
 * and the box shows what was taken before anything is added. What stands in quotes is never read.
 */

import type { Priority } from "@/lib/api/types";
import { addDays, type Day, instantAt, isDay, nextMonday, weekday } from "./days";
import { at, type Due, NO_DUE, onDay } from "./due";
import type { Clock } from "./views";

export interface QuickTask {
  title: string;
  tags: string[];
  priority: Priority;
  due: Due;
  /** The words that were read as the due moment. */
  dueWords: string | null;
}

const PRIORITIES: Record<string, Priority> = {
  high: "high",
  "1": "high",
  normal: "normal",
  "2": "normal",
  low: "low",
  "3": "low",
};
const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const WEEKDAY =
  "mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?";
const TIME = "(?:at )?(?:noon|\\d{1,2}(?:[:.]\\d{2})? ?[ap]m|\\d{1,2}:\\d{2})";
const NAMED = `today|tonight|tomorrow|in \\d{1,3} (?:days?|weeks?)|(?:on|by|next) (?:${WEEKDAY})|\\d{4}-\\d{2}-\\d{2}`;
/** A day with or without a time, in either order; or a weekday or nothing, with a time. */
const PHRASE = new RegExp(
  `^(.*?\\S)\\s+((?:(?:by|on) )?(?:(?<day>${NAMED})(?: (?<time>${TIME}))?` +
    `|(?<bare>${WEEKDAY}) (?<bareTime>${TIME})` +
    `|(?<first>${TIME}) (?<then>${NAMED}|${WEEKDAY})` +
    `|(?<alone>at (?:noon|\\d{1,2}(?:[:.]\\d{2})? ?[ap]m|\\d{1,2}:\\d{2})|\\d{1,2}(?::\\d{2})?[ap]m)))$`,
  "iu",
);
/** After these a date belongs to the title: "Plan for tomorrow", "the letter of 2026-05-01". */
const JOINED =
  /(?:^|\s)(?:for|of|about|the|a|an|from|to|since|before|after|until|till|and|or|vs|with|than|is|was|today|tonight|tomorrow)$/iu;

/** Reads a line. `asDue: false` leaves dates in the title, as somebody asked who was misread. */
export function parseQuickAdd(line: string, clock: Clock, { asDue = true } = {}): QuickTask {
  const { rest, tags, priority } = takeMarks(line);
  const dated = asDue ? takeDue(rest, clock) : null;
  return {
    title: (dated?.title ?? rest).trim(),
    tags,
    priority,
    due: dated?.due ?? NO_DUE,
    dueWords: dated?.words ?? null,
  };
}

/** Takes `#tag` and `!high` that stand alone and outside of quotes. */
function takeMarks(line: string): { rest: string; tags: string[]; priority: Priority } {
  const tags: string[] = [];
  let priority: Priority = "normal";
  const pieces = line.split(/("[^"]*"|“[^”]*”)/u);
  const kept = pieces.map((piece, n) => {
    if (n % 2 === 1) return piece;
    return piece.replace(
      // A tag begins with a letter: "#1" is a number, and alone "#" is nothing.
      /(?<=^|\s)(?:#(?<tag>\p{L}[\p{L}\p{N}_/-]{0,39})|!(?<priority>high|normal|low|[123]))(?=\s|$)/giu,
      (whole, ...found) => {
        const groups = found.at(-1) as { tag?: string; priority?: string };
        const level = groups.priority ? PRIORITIES[groups.priority.toLowerCase()] : undefined;
        if (level) priority = level;
        else if (groups.tag && tags.length < 10) {
          if (!tags.includes(groups.tag)) tags.push(groups.tag);
        } else return whole;
        return "";
      },
    );
  });
  return { rest: kept.join("").replace(/\s+/gu, " ").trim(), tags, priority };
}

function takeDue(text: string, clock: Clock): { title: string; words: string; due: Due } | null {
  const found = PHRASE.exec(text);
  const [, title = "", words = ""] = found ?? [];
  const named = found?.groups;
  if (!named || JOINED.test(title) || /["”]$/u.test(words)) return null;
  const timeText = named.time ?? named.bareTime ?? named.first ?? named.alone;
  const time = timeText ? readTime(timeText) : null;
  if (timeText && time === null) return null;
  const dayText = named.day ?? named.bare ?? named.then;
  const day = dayText ? readDay(dayText, clock.today) : null;
  if (dayText && day === null) return null;
  const due = combine(day, time, dayText, clock);
  return due && { title, words, due };
}

function combine(
  day: Day | null,
  time: string | null,
  dayText: string | undefined,
  { zone, now, today }: Clock,
): Due | null {
  const tonight = dayText?.toLowerCase() === "tonight" ? "20:00" : null;
  const clock = time ?? tonight;
  if (clock === null) return day && day >= today ? onDay(day) : null;
  if (day !== null) {
    const instant = instantAt(day, clock, zone);
    return instant > now ? at(instant) : null;
  }
  // A time alone is the next time the clock shows it.
  const instant = instantAt(today, clock, zone);
  return at(instant > now ? instant : instantAt(addDays(today, 1), clock, zone));
}

/** `09:30` of "9:30", "at 9am", "noon"; null for a time that no clock shows. */
function readTime(text: string): string | null {
  const plain = text.toLowerCase().replace(/^at /u, "");
  if (plain === "noon") return "12:00";
  const found = /^(\d{1,2})(?:[:.](\d{2}))? ?([ap]m)?$/u.exec(plain);
  if (!found) return null;
  const [, hourText, minute = "00", half] = found;
  let hour = Number(hourText);
  if (half && (hour < 1 || hour > 12)) return null;
  if (half) hour = (hour % 12) + (half === "pm" ? 12 : 0);
  // As the assistant reads it: 3:30 is in the afternoon, 03:30 in the night.
  else if (hour >= 1 && hour <= 6 && !hourText?.startsWith("0")) hour += 12;
  if (hour > 23 || Number(minute) > 59) return null;
  return `${String(hour).padStart(2, "0")}:${minute}`;
}

/**
 * The day that words name, as the assistant understands them: "friday" is the first one after
 * today, "next friday" that of next week.
 */
function readDay(text: string, today: Day): Day | null {
  const plain = text.toLowerCase();
  if (plain === "today" || plain === "tonight") return today;
  if (plain === "tomorrow") return addDays(today, 1);
  const ahead = /^in (\d+) (day|week)/u.exec(plain);
  if (ahead) return addDays(today, Number(ahead[1]) * (ahead[2] === "week" ? 7 : 1));
  if (/^\d{4}/u.test(plain)) return isDay(plain) ? plain : null;
  const wanted = DAYS.indexOf(plain.replace(/^(?:on|by|next) /u, "").slice(0, 3));
  if (wanted < 0) return null;
  if (plain.startsWith("next ")) return addDays(nextMonday(today), wanted);
  const days = (wanted - weekday(today) + 7) % 7 || 7;
  return addDays(today, days);
}
