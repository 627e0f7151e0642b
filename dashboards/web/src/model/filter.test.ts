import { describe, expect, test } from "vitest";

import { alert } from "../test/alert";
import { chipText, complete, matcher, parseFilter, toggleChip } from "./filter";
import { rowOf, rowWith } from "./row";

const NOW = Date.parse("2026-11-21T03:14:00Z");
const rows = [
  alert({ name: "HighCpu", severity: "critical", labels: { team: "web", severity: "page", region: "labelled" } }),
  alert({ name: "HighCpu", severity: "error", acknowledged_by: "mei", resource: "azure:sub:eastus:compute.instance:vm-1" }),
  alert({ name: "Disk full", severity: "warning", state: "no_data", value: null, sources: ["edge", "lab"], silenced_by: ["s"] }),
].map(rowOf);

function hits(text: string): number[] {
  const filter = parseFilter(text);
  expect(filter.errors).toEqual([]);
  const accepts = matcher(filter);
  return rows.flatMap((row, index) => (accepts(row, NOW) ? [index] : []));
}

describe("matching", () => {
  test.each([
    ["", [0, 1, 2]],
    ["team=web", [0]],
    ["team!=web", [1, 2]],
    ["@name=~High.*", [0, 1]],
    ["@name=~High", []],
    ["name!~High.*", [2]],
    ['@name="Disk full"', [2]],
    ["severity=critical", [0]],
    ["severity=critical severity=high", [0, 1]],
    ["severity!=critical severity!=high", [2]],
    ["severity=nodata", [2]],
    ["@owner=nobody", [0, 2]],
    ["owner=mei", [1]],
    ["source=lab", [2]],
    ["source!=lab", [0, 1]],
    ["@held=yes", [2]],
    ["region=labelled", [0]],
    ["@region=us-east-1", [0, 2]],
    ["@age>10m", [0, 1, 2]],
    ["@age > 12m", []],
    ["@value>0.9", [0, 1]],
    ["@value<0.9", []],
    ["cpu", [0, 1]],
    ["CPU vm-1", [1]],
    ['"disk full"', [2]],
  ])("%s", (text, expected) => {
    expect(hits(text)).toEqual(expected);
  });
});

test("a name that only the inventory knows is shown, and not asked for: the server has the alert alone", () => {
  const known = rowWith(alert({ resource: "aws:1:us-east-1:compute.instance:i-7", labels: {} }), { name: "checkout-07", service: "checkout" });
  expect([known.resource, known.service]).toEqual(["checkout-07", "checkout"]);
  const asks = (text: string): boolean => matcher(parseFilter(text))(known, NOW);
  expect([asks("@resource=i-7"), asks("@resource=checkout-07"), asks("@service=checkout")]).toEqual([true, false, false]);
});

describe("errors", () => {
  test.each([
    ["@nothing=1", "key", 0, 10],
    ["a=b =c", "key", 4, 6],
    ["team=~[", "regex", 0, 7],
    ["team=~" + "a".repeat(201), "regex", 0, 207],
    ["@value>many", "number", 0, 11],
    ["@age>soon", "span", 0, 9],
    ['team="web', "quote", 0, 9],
    ["@state=", "value", 0, 7],
  ])("%s", (text, message, start, end) => {
    expect(parseFilter(text).errors).toMatchObject([{ message, start, end }]);
  });

  test("do not take the other chips along", () => {
    const filter = parseFilter("team=web @age>soon disk");
    expect(filter.chips.map(chipText)).toEqual(["team=web"]);
    expect(filter.words).toEqual(["disk"]);
  });
});

test("a chip's text reads back as the chip, whatever is in it", () => {
  for (const value of ["", "a", "a b", 'say "no"', "back\\slash", "ends\\", "=", "<script>", "a=b", "雨", '"', "\u202e"]) {
    const text = chipText({ key: "k", op: "=", value });
    const filter = parseFilter(`x=1 ${text} y=2`);
    expect(filter.errors, text).toEqual([]);
    expect(filter.chips[1], text).toMatchObject({ key: "k", op: "=", value });
  }
});

test("toggling puts a chip in, takes it out, and turns it over", () => {
  expect(toggleChip("", "@severity", "=", "critical")).toBe("@severity=critical");
  expect(toggleChip("a=b severity=critical c", "@severity", "=", "critical")).toBe("a=b c");
  expect(toggleChip("severity=critical", "@severity", "!=", "critical")).toBe("@severity!=critical");
  expect(toggleChip("a=b", "team", "=", "x y")).toBe('a=b team="x y"');
});

describe("completion", () => {
  test("keys, then values of the key, the most frequent first", () => {
    expect(complete("sev", rows).choices.map((choice) => choice.text)).toEqual(["severity=", "@severity="]);
    expect(complete("a=b @owner=", rows)).toEqual({ from: 4, key: "@owner", choices: [{ text: "@owner=nobody", count: 2 }, { text: "@owner=mei", count: 1 }] });
    expect(complete("@name=di", rows).choices).toEqual([{ text: '@name="Disk full"', count: 1 }]);
  });

  test("nothing where nothing was begun", () => {
    expect(complete("a=b ", rows).choices).toEqual([]);
    expect(complete("", rows).choices).toEqual([]);
  });
});
