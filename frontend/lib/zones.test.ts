import { describe, expect, it } from "vitest";
import { allZones, findZones, sameClock, zoneLabel, zoneOffset } from "./zones";

describe("time zones", () => {
  const zones = allZones("Asia/Calcutta");

  it("are found by the words of their names, places first", () => {
    expect(findZones(zones, "berlin")).toEqual(["Europe/Berlin"]);
    expect(findZones(zones, "New  York")[0]).toBe("America/New_York");
    expect(findZones(zones, "europe/ber")[0]).toBe("Europe/Berlin");
    expect(findZones(zones, "nowhere at all")).toEqual([]);
    expect(findZones(zones, "")).toHaveLength(zones.length);
  });

  it("are listed with those in use, each once", () => {
    expect(zones).toContain("UTC");
    expect(zones).toContain("Asia/Calcutta");
    expect(new Set(zones).size).toBe(zones.length);
  });

  it("are told with their distance from UTC", () => {
    expect(zoneLabel("America/New_York")).toBe("America / New York");
    expect(zoneOffset("Europe/Berlin", Date.parse("2026-07-01T00:00:00Z"))).toBe("UTC+02:00");
    expect(zoneOffset("UTC", 0)).toBe("UTC");
    expect(zoneOffset("America/St_Johns", Date.parse("2026-01-01T00:00:00Z"))).toBe("UTC-03:30");
  });

  it("are the same to people whose clocks agree all year", () => {
    const winter = Date.parse("2026-01-01T00:00:00Z");
    expect(sameClock("Europe/Berlin", "Europe/Paris", winter)).toBe(true);
    expect(sameClock("Europe/London", "UTC", winter)).toBe(false);
    expect(sameClock("Europe/Berlin", "Europe/London", winter)).toBe(false);
  });
});
