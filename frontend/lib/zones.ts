/** Time zones to choose from, as people look for them. */

import { tzOffset } from "@date-fns/tz";

/** Every zone the browser knows by its IANA name, and those in use that it does not list. */
export function allZones(...inUse: string[]): string[] {
  const known = Intl.supportedValuesOf("timeZone");
  return [...new Set(["UTC", ...inUse, ...known])].sort();
}

/** The zones with every word of a search in their name: "new york", "berlin", "asia". */
export function findZones(zones: readonly string[], search: string): string[] {
  const words = search
    .toLowerCase()
    .split(/[\s_/]+/u)
    .filter(Boolean);
  const place = (zone: string) => zone.slice(zone.lastIndexOf("/") + 1).toLowerCase();
  return zones
    .filter((zone) => words.every((word) => zone.toLowerCase().includes(word)))
    .sort((one, other) => {
      const begins = (zone: string) => (words[0] && place(zone).startsWith(words[0]) ? 0 : 1);
      return begins(one) - begins(other) || one.localeCompare(other);
    });
}

/** "Europe/Berlin" for people. */
export function zoneLabel(zone: string): string {
  return zone.replaceAll("_", " ").replaceAll("/", " / ");
}

/** Whether the clocks of two zones show the same, at an instant and half a year later. */
export function sameClock(one: string, other: string, at: number): boolean {
  const halfYear = 183 * 86_400_000;
  return [at, at + halfYear].every(
    (moment) => tzOffset(one, new Date(moment)) === tzOffset(other, new Date(moment)),
  );
}

/** How far a zone is from UTC at an instant: "UTC+01:00". */
export function zoneOffset(zone: string, at: number): string {
  const minutes = tzOffset(zone, new Date(at));
  if (minutes === 0) return "UTC";
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return `UTC${minutes < 0 ? "-" : "+"}${two(hours)}:${two(rest)}`;
}
