import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** Lines a component may have; a longer one is more than one thing. */
const MOST = 250;

test("no component is longer than 250 lines", () => {
  const root = `${import.meta.dirname}/..`;
  const files = ["app", "components"]
    .flatMap((folder) =>
      readdirSync(`${root}/${folder}`, { recursive: true, encoding: "utf8" }).map(
        (file) => `${folder}/${file}`,
      ),
    )
    .filter((file) => file.endsWith(".tsx"));
  expect(files.length).toBeGreaterThan(50);
  const long = files.filter((file) => {
    const text = readFileSync(`${root}/${file}`, "utf8");
    return text.split("\n").length - 1 > MOST;
  });
  expect(long).toEqual([]);
});
