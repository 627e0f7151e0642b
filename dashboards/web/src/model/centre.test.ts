import { describe, expect, test } from "vitest";

import type { Entry, Incident } from "../api/centre";
import { actableOf, requestsFor } from "../api/acts";
import { silencesIn } from "../pages/silences/list";
import { endOf, periodsOf, periodText } from "../pages/silences/until";
import { troubledFirst } from "../pages/routing/receivers";
import { kept, NONE, ranged, toggled } from "../pages/alerts/selection";
import { listPath } from "../pages/alerts/listing";
import { facetValues, valuesOf } from "../pages/alerts/facets";
import { alert } from "../test/alert";
import { incidentsIn, pictureOf, ticksOf } from "./incident";
import { filterOf, holdsAll, matcherOf, matchersFor, matchersOfFilter, matchersText, operatorOf, parseLabels, parseMatchers } from "./matchers";
import { rowOf } from "./row";
import { summaryOf } from "./summary";
import { IDS_MAX, inverse, inverseOfQuery } from "./undo";
import { EMPTY, hold, showAll } from "./hold";

const NOW = Date.parse("2026-11-21T03:14:02Z");

describe("matchers", () => {
  test("are read as they are written, hostile values too", () => {
    const hostile = ['a"b', "a\\b", "line\nbreak", "}", ",x=1", "<img src=x onerror=alert(1)>", "", "é 名", "tab\tand\r", "\u0001\u2028"];
    const all = hostile.flatMap((value) => (["=", "!=", "=~", "!~"] as const).map((op) => matcherOf("team", op, value)));
    expect(parseMatchers(matchersText(all))).toEqual({ matchers: all, wrongAt: null });
    expect(parseMatchers(`{${matchersText(all)}}`)).toEqual({ matchers: all, wrongAt: null });
    expect(parseMatchers('"odd name"="x"').matchers).toEqual([matcherOf("odd name", "=", "x")]);
  });

  test.each([
    ["alertname=HighCpu,team=~db.*", [["alertname", "=", "HighCpu"], ["team", "=~", "db.*"]], null],
    ["", [], null],
    ["{}", [], null],
    ["team", [], 0],
    ['team="db" oncall', [["team", "=", "db"]], 10],
    ['a="1", b', [["a", "=", "1"]], 7],
  ])("%s", (text, expected, wrongAt) => {
    const read = parseMatchers(text);
    expect(read.matchers.map((one) => [one.name, operatorOf(one), one.value])).toEqual(expected);
    expect(read.wrongAt).toBe(wrongAt);
  });

  test("what would hold everything is seen", () => {
    expect(holdsAll([])).toBe(true);
    expect(holdsAll([matcherOf("a", "=~", ".*")])).toBe(true);
    expect(holdsAll([matcherOf("a", "!=", "x")])).toBe(true);
    expect(holdsAll([matcherOf("a", "=~", ".+")])).toBe(false);
    expect(holdsAll([matcherOf("a", "!=", "x"), matcherOf("b", "=", "y")])).toBe(false);
    expect(holdsAll([matcherOf("a", "=~", "(?i)x")])).toBe(false);
  });

  test("of one alert: its name and what it is about; of several what they share", () => {
    const at = (name: string, id: string): ReturnType<typeof rowOf> => rowOf(alert({ labels: { alertname: name, resource_id: id, service_name: "checkout", pod: id } }));
    expect(matchersText(matchersFor([at("HighCpu", "aws:i-1")]))).toBe('alertname="HighCpu", resource_id="aws:i-1"');
    expect(matchersText(matchersFor([at("HighCpu", "a"), at("HighCpu", "b")]))).toBe('alertname="HighCpu", service_name="checkout"');
    expect(matchersText(matchersFor([at("High.Cpu", "a"), at("Other", "b")]))).toBe('alertname=~"High\\\\.Cpu|Other", service_name="checkout"');
    expect(matchersFor([])).toEqual([]);
    const plain = rowOf(alert({ labels: { alertname: "Up", job: "node" } }));
    expect(matchersText(matchersFor([plain]))).toBe('alertname="Up", job="node"');
  });

  test("of a filter: labels and the fields that are labels; the rest is named", () => {
    const { matchers, rest } = matchersOfFilter('@provider=aws @region=us-east-1 @region=us-west-2 team!=db @age>15m @severity=critical disk');
    expect(matchersText(matchers)).toBe('cloud_provider="aws", cloud_region=~"us-east-1|us-west-2", team!="db"');
    expect(rest).toEqual(["disk", "@age>15m", "@severity=critical"]);
  });

  test("labels are equal signs only", () => {
    expect(parseLabels('alertname="HighCpu"\nteam=db')).toEqual({ labels: { alertname: "HighCpu", team: "db" }, wrongAt: null });
    for (const text of ['alertname=HighCpu,\nteam="db",\n', "alertname=HighCpu\n\n  team=db\n", "alertname=HighCpu , team=db"]) expect(parseLabels(text), text).toEqual({ labels: { alertname: "HighCpu", team: "db" }, wrongAt: null });
    expect(parseLabels('team=~"d.*"').wrongAt).toBe(0);
    expect(parseLabels('a="1" b="2"').wrongAt).toBe(6);
    expect(parseMatchers('a="1"\nb="2"').wrongAt).toBe(6);
  });
});

describe("matchers as a filter", () => {
  test("fit the same alerts, as far as a filter can say them", () => {
    const all = [matcherOf("alertname", "=~", "High.*|Low"), matcherOf("team", "!=", "d b"), matcherOf("severity", "=", "page"), matcherOf("odd name", "=", "x")];
    expect(filterOf(all)).toBe('alertname=~High.*|Low team!="d b"');
    expect(matchersOfFilter(filterOf(all))).toEqual({ matchers: all.slice(0, 2), rest: [] });
  });
});

describe("acts", () => {
  const alerts = [alert({ id: "a" }), alert({ id: "b", acknowledged_by: "mei" }), alert({ id: "c", state: "pending" }), alert({ id: "d", state: "resolved" }), alert({ id: "e", state: "no_data" })];
  test("are about what is firing or without data, and take from nobody", () => {
    expect(actableOf({ kind: "rows", alerts })).toBe(3);
    expect(requestsFor({ kind: "rows", alerts }, { act: "acknowledge" })).toEqual([{ act: "acknowledge", ids: ["a", "e"] }]);
    expect(requestsFor({ kind: "rows", alerts }, { act: "comment", note: "x" })).toEqual([{ act: "comment", note: "x", ids: ["a", "b", "e"] }]);
    const query = { kind: "query", q: "@region=x", count: 9, actable: 7 } as const;
    expect(requestsFor(query, { act: "acknowledge" })).toEqual([{ act: "acknowledge", q: "@region=x @acknowledged=no", expected: 7 }]);
    expect(requestsFor(query, { act: "assign", to: "li" })).toEqual([{ act: "assign", to: "li", q: "@region=x", expected: 7 }]);
  });

  test("by a filter are taken back only where nothing was there before", () => {
    expect(inverseOfQuery({ act: "acknowledge" }, ["a"])).toEqual([{ act: "unacknowledge", ids: ["a"] }]);
    for (const act of ["unacknowledge", "assign", "snooze", "unsnooze", "comment"] as const) expect(inverseOfQuery({ act }, ["a"])).toEqual([]);
  });
});

describe("taking back", () => {
  const before = [alert({ id: "a", assigned_to: "mei", snoozed_until: null }), alert({ id: "b", assigned_to: null, snoozed_until: "2026-11-21T04:00:00Z" })];

  test("gives each alert what it had", () => {
    expect(inverse({ act: "acknowledge" }, ["a", "b"], before)).toEqual([{ act: "unacknowledge", ids: ["a", "b"] }]);
    expect(inverse({ act: "acknowledge" }, ["a", "theirs"], [...before, alert({ id: "theirs", acknowledged_by: "mei" })])).toEqual([{ act: "unacknowledge", ids: ["a"] }]);
    expect(inverse({ act: "assign", to: "li" }, ["a", "b"], before)).toEqual([{ act: "assign", to: "mei", ids: ["a"] }, { act: "assign", to: "", ids: ["b"] }]);
    expect(inverse({ act: "snooze", until: "x" }, ["a", "b"], before)).toEqual([{ act: "unsnooze", ids: ["a"] }, { act: "snooze", until: "2026-11-21T04:00:00Z", ids: ["b"] }]);
    expect(inverse({ act: "comment", note: "x" }, ["a"], before)).toEqual([]);
  });

  test("asks in bounded pieces and forgets none", () => {
    const ids = Array.from({ length: IDS_MAX * 2 + 1 }, (_, index) => `${index}`);
    const requests = inverse({ act: "acknowledge" }, ids, ids.map((id) => alert({ id })));
    expect(requests.map((one) => one.ids?.length)).toEqual([IDS_MAX, IDS_MAX, 1]);
    expect(requests.flatMap((one) => one.ids ?? [])).toEqual(ids);
  });
});

describe("selection", () => {
  const order = ["a", "b", "c", "d"];
  test("toggles, reaches from where it began, and forgets what is not listed", () => {
    const one = toggled(NONE, "b");
    const range = ranged(one, order, "d");
    expect([...range.ids]).toEqual(["b", "c", "d"]);
    expect([...toggled(range, "c").ids]).toEqual(["b", "d"]);
    expect([...kept(range, new Set(["b"]), "q").ids]).toEqual(["b"]);
    expect([...ranged(NONE, order, "c").ids]).toEqual(["c"]);
    expect([...toggled({ ...NONE, allOf: "q" }, "a").ids]).toEqual(["a"]);
    expect(kept({ ...NONE, allOf: "q" }, new Set(), "q").allOf).toBe("q");
    expect(kept({ ...NONE, allOf: "q" }, new Set(), "another filter")).toEqual(NONE);
  });
});

const incident = (over: Partial<Incident>): Incident => ({
  id: "i", title: "T", state: "open", severity: "warning", cell: null, reason: "", alert_count: 1, open_count: 1, starts_at: "2026-11-21T03:00:00Z", ends_at: null, updated_at: "2026-11-21T03:00:00Z",
  acknowledged_by: null, merged_into: null, outage: null, ...over,
});

describe("incidents", () => {
  test("the worst and then an outage come first, closed ones by their end", () => {
    const outage: Incident["outage"] = { cause: "provider", level: "suspected", onset: "", found_at: "", ended_at: null, evidence: [], against: [] };
    const all = [incident({ id: "w" }), incident({ id: "c", severity: "critical" }), incident({ id: "o", severity: "critical", outage, acknowledged_by: "mei", starts_at: "2026-11-21T03:05:00Z" }), incident({ id: "r", state: "resolved", ends_at: "2026-11-21T02:00:00Z" }), incident({ id: "q", state: "resolved", ends_at: "2026-11-21T02:30:00Z" })];
    expect(incidentsIn("open", all).map((one) => one.id)).toEqual(["o", "c", "w"]);
    expect(incidentsIn("unowned", all).map((one) => one.id)).toEqual(["c", "w"]);
    expect(incidentsIn("closed", all).map((one) => one.id)).toEqual(["q", "r"]);
    expect(incidentsIn("open", all, "mei").map((one) => one.id)).toEqual(["o"]);
  });

  const entry = (at: string, kind: Entry["kind"], what: string): Entry => ({ at: `2026-11-21T03:${at}Z`, kind, what, subject: "s", actor: null, detail: "", alert: null, delivery: null });
  test("the picture has every alert that began in its bars and everything else in a lane", () => {
    const entries = [entry("00:00", "alert", "firing"), entry("00:00.5", "alert", "firing"), entry("09:00", "alert", "resolved"), entry("04:00", "person", "acknowledge"), entry("04:01", "person", "comment"), entry("08:00", "person", "comment"), entry("02:00", "delivery", "sent")];
    const picture = pictureOf(entries, Date.parse("2026-11-21T03:00:00Z"), NOW);
    expect(picture.bars.reduce((sum, bar) => sum + bar, 0)).toBe(2);
    expect(picture.lanes.map((lane) => [lane.kind, lane.marks.map((mark) => mark.entries.length)])).toEqual([["person", [2, 1]], ["delivery", [1]]]);
    for (const lane of picture.lanes) for (const mark of lane.marks) expect(mark.x).toBeGreaterThan(0);
    expect(picture.to).toBe(NOW);
    expect(picture.from).toBeLessThan(Date.parse("2026-11-21T03:00:00Z"));
  });

  test("ticks are round and few", () => {
    for (const span of [1000, 60_000, 3_600_000, 86_400_000, 30 * 86_400_000]) {
      const ticks = ticksOf(NOW, NOW + span);
      expect(ticks.length).toBeLessThanOrEqual(8);
      for (const tick of ticks) expect(tick).toBeGreaterThanOrEqual(NOW);
    }
  });
});

describe("silences", () => {
  test("a length or a time to come is an end", () => {
    expect(endOf("90m", NOW)).toBe(NOW + 90 * 60_000);
    expect(endOf("2026-11-21 06:00", NOW)).toBe(Date.parse("2026-11-21T06:00:00Z"));
    for (const wrong of ["", "soon", "10s", "2026-11-21 03:00", "2026-13-01 00:00"]) expect(endOf(wrong, NOW), wrong).toBeNull();
  });

  test("a window that passes midnight is two", () => {
    expect(periodsOf({ days: ["saturday"], from: "02:00", to: "04:00", zone: "Europe/Berlin" })).toEqual([{ weekdays: ["saturday"], times: [{ start_time: "02:00", end_time: "04:00" }], location: "Europe/Berlin" }]);
    expect(periodsOf({ days: ["saturday", "sunday"], from: "22:00", to: "02:00", zone: "" })).toEqual([
      { weekdays: ["saturday", "sunday"], times: [{ start_time: "22:00", end_time: "24:00" }] },
      { weekdays: ["sunday", "monday"], times: [{ start_time: "00:00", end_time: "02:00" }] },
    ]);
    expect(periodsOf({ days: ["monday"], from: "22:00", to: "00:00", zone: "" })).toHaveLength(1);
    for (const [from, to] of [["2:00", "4:00"], ["02:00", "02:00"], ["24:00", "04:00"], ["02:00", "24:30"]] as const) expect(periodsOf({ days: ["monday"], from, to, zone: "" }), `${from} ${to}`).toBeNull();
    expect(periodsOf({ days: [], from: "02:00", to: "04:00", zone: "" })).toBeNull();
    expect(periodText({ weekdays: ["monday:friday"], times: [{ start_time: "02:00", end_time: "04:00" }] })).toBe("monday:friday 02:00–04:00 UTC");
  });

  test("are found by matcher, reason, maker and id", () => {
    const silence = { id: "7a9e", state: "active" as const, matchers: [matcherOf("team", "=", "db")], starts_at: "", ends_at: "2026-11-21T04:00:00Z", updated_at: "", created_by: "mei", comment: "upgrade", annotations: {}, recurrence: [], until_resolved: false, hides: 0 };
    for (const q of ["team=", "upgrade", "mei", "7a9e", ""]) expect(silencesIn("active", [silence], q), q).toHaveLength(1);
    expect(silencesIn("active", [silence], "other")).toEqual([]);
    expect(silencesIn("expired", [silence])).toEqual([]);
  });
});

test("receivers in trouble come first", () => {
  const channel = { channel: "webhook", index: 0, queued: 0, failed: 0, dead: 0, sent_last_hour: 0, last_sent_at: null, last_error: null, last_error_at: null, target: null };
  const sorted = troubledFirst([{ name: "a", routes: 1, channels: [channel] }, { name: "b", routes: 1, channels: [{ ...channel, failed: 1 }] }, { name: "c", routes: 1, channels: [channel, { ...channel, dead: 1 }] }]);
  expect(sorted.map((one) => one.name)).toEqual(["c", "b", "a"]);
});

describe("very many alerts", () => {
  const items = [alert({ severity: "critical" }), alert({ state: "no_data" }), alert({ state: "pending" }), alert({ state: "resolved" })];
  test("are counted by the server, few by the page", () => {
    expect(summaryOf({ items, total: 4, counted: null })).toEqual({ open: 2, critical: 1, worst: "critical", loud: 2, loudCritical: 1 });
    const held = alert({ severity: "critical", silenced_by: ["s"] });
    expect(summaryOf({ items: [held, alert({ severity: "info" })], total: 2, counted: null })).toEqual({ open: 2, critical: 1, worst: "critical", loud: 0, loudCritical: 0 });
    const counted = { open: [{ value: "high", count: 89_300 }, { value: "nodata", count: 10 }, { value: "critical", count: 700 }], loud: [{ value: "high", count: 5 }, { value: "info", count: 3 }] };
    expect(summaryOf({ items, total: 90_015, counted })).toEqual({ open: 90_010, critical: 700, worst: "critical", loud: 5, loudCritical: 0 });
  });

  test("a value that was chosen stands in its facet though nothing has it", () => {
    expect(valuesOf("region", "@region=mars", new Map([["us-east-1", 7]]))).toEqual([
      { value: "us-east-1", count: 7, chosen: false, excluded: false },
      { value: "mars", count: 0, chosen: true, excluded: false },
    ]);
    expect(facetValues("region", "", [rowOf(items[0] ?? alert())], NOW).map((one) => one.value)).toEqual(["us-east-1"]);
  });

  test("of a part, what is not in it stays as it was", () => {
    const rows = items.map(rowOf);
    const view = showAll(rows, () => true);
    const part = new Map(rows.slice(0, 2).map((row) => [row.id, row]));
    expect(hold(view, part, () => true, NOW, false)).toBe(view);
    expect(hold(view, part, () => true, NOW, true).left.size).toBe(2);
    expect(hold(EMPTY, part, () => true, NOW)).toBe(EMPTY);
  });

  test("the server is asked for a page, sorted and counted", () => {
    expect(listPath("@region=x disk", null, false)).toBe("/api/isobar/v1/alerts?state=open&sort=severity&facets=%40severity%2C%40provider%2C%40region%2C%40service%2C%40owner%2C%40class%2C%40source&limit=1000&q=%40region%3Dx+disk");
    expect(listPath("", "-since", true)).toContain("state=all&sort=-since");
  });
});
