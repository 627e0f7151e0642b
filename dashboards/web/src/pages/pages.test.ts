import { describe, expect, test } from "vitest";

import type { Incident } from "../api/centre";
import type { MatrixCell, Proposal, Source } from "../api/shapes";
import { rowOf } from "../model/row";
import { sparkGeometry } from "../parts/sparkline";
import { rankEntries } from "../shell/rank";
import { alert } from "../test/alert";
import { facetValues } from "./alerts/facets";
import { itemsOf } from "./alerts/items";
import { countOf, ownViews, storeViews, withView, BUILT_IN } from "./alerts/views";
import { candidates, insertion, placeAt } from "./explore/complete";
import { errorAt } from "./explore/error";
import { readRange } from "./explore/range";
import { aligned, colours, seriesName, stepFor } from "./explore/result";
import { matrixOf } from "./overview/cells";
import { channelsOf } from "./overview/delivery";
import { sentenceOf } from "./overview/sentence";
import { upcoming } from "./overview/upcoming";
import { isTyped, wordToType } from "./proposals/confirm";
import { goldenOf, selector } from "./resources/golden";
import { requestOf, type Trial } from "./routing/trial";
import { coverageOf, countsOf } from "./sources/sentence";

const NOW = Date.parse("2026-11-21T03:14:02Z");
const source = (name: string, state: Source["state"]): Source => ({ name, kind: "k", state, reason: null, last_success: null, samples_last_cycle: 0, lag_seconds: 1, cost: null });

describe("the first sentence", () => {
  const up = [source("a", "up"), source("b", "up")];
  const say = (rows: ReturnType<typeof rowOf>[], sources = up): ReturnType<typeof sentenceOf> => sentenceOf({ rows, sources, overview: null });

  test("quiet needs sources that deliver", () => {
    expect(say([])).toMatchObject({ mark: "ok", parts: [{ key: "state.quiet", params: { n: 2 } }] });
    expect(say([], [source("a", "up"), source("b", "down")])).toMatchObject({ mark: "nodata", parts: [{ key: "state.quietBut" }], notObserved: ["b"] });
    expect(say([], [source("a", "down")])).toMatchObject({ mark: "unknown", parts: [{ key: "state.blind" }] });
    expect(say([], [])).toMatchObject({ mark: "unknown", parts: [{ key: "state.noSource" }] });
  });

  test("it names what the worst share, how many, and that nobody has them", () => {
    const labels = { service_name: "checkout" };
    const rows = [alert({ labels }), alert({ labels, resource: "azure:s:eastus:vm:1" }), alert({ severity: "warning", acknowledged_by: "mei" })].map(rowOf);
    const said = say(rows);
    expect(said.mark).toBe("critical");
    expect(said.parts).toEqual([{ key: "state.trouble", params: { cell: "checkout" } }, { key: "state.openCritical", params: { a: 3, c: 2 } }]);
    expect(said.unowned).toEqual({ key: "state.unowned", params: { n: 2 } });
    expect(said.ground).toEqual({ key: "ground.service", params: { service: "checkout", n: 2 } });
  });

  test("one service that is bad everywhere is what it is about, the worst or not", () => {
    const labels = { service_name: "checkout" };
    const rows = [alert({ labels }), alert({ labels, severity: "error", resource: "azure:s:eastus:vm:1" })].map(rowOf);
    expect(say(rows).parts[0]).toEqual({ key: "state.trouble", params: { cell: "checkout" } });
    expect(say(rows).ground).toEqual({ key: "ground.service", params: { service: "checkout", n: 2 } });
  });

  test("Isobar's own trouble does not hide whose fault the rest looks like", () => {
    const labels = { service_name: "checkout" };
    const rows = [alert({ labels }), alert({ class: "self", resource: null, name: "delivery_failing" })].map(rowOf);
    expect(say(rows).parts).toEqual([{ key: "state.trouble", params: { cell: "checkout" } }, { key: "state.openCritical", params: { a: 2, c: 2 } }]);
    expect(say(rows.slice(1)).parts).toEqual([{ key: "state.openCritical", params: { a: 1, c: 1 } }]);
  });

  test("a pending, held or informative alert does not make it worse", () => {
    const rows = [alert({ state: "pending" }), alert({ silenced_by: ["s"] }), alert({ severity: "info" })].map(rowOf);
    expect(say(rows).mark).toBe("ok");
  });

  test("what is out is what it is about: since when, and whose fault it looks like, whatever is told beside it", () => {
    const outage: Incident["outage"] = { cause: "provider", level: "suspected", onset: "2026-11-21T03:02:00Z", found_at: "2026-11-21T03:04:00Z", ended_at: null, evidence: [], against: [] };
    const out: Incident = { id: "i", title: "T", state: "open", severity: "critical", cell: { provider: "aws", region: "us-east-1", zone: null, service: null }, reason: "", alert_count: 9, open_count: 9, starts_at: "2026-11-21T03:05:00Z", ends_at: null, updated_at: "", acknowledged_by: null, merged_into: null, outage };
    for (const rows of [[], [rowOf(alert({ severity: "warning", labels: { service_name: "search" } }))]]) {
      const said = sentenceOf({ rows, sources: up, overview: null, incidents: [out] });
      expect(said).toMatchObject({ mark: "critical", since: Date.parse("2026-11-21T03:02:00Z"), ground: { key: "fault.provider", params: { provider: "AWS" } } });
      expect(said.parts).toEqual([{ key: "state.outage.suspected", params: { cell: "AWS us-east-1" } }, { key: "state.fold", params: { i: 1, a: 9 } }]);
    }
    expect(sentenceOf({ rows: [], sources: up, overview: null, incidents: [{ ...out, outage: { ...outage, ended_at: "2026-11-21T03:09:00Z" } }] }).mark).toBe("ok");
  });

  test("very many are counted by the server: what is counted is not quiet, what is held is", () => {
    const many = (loud: number, rows: ReturnType<typeof rowOf>[]): ReturnType<typeof sentenceOf> => sentenceOf({ rows, sources: up, overview: null, summary: { open: 90_000, critical: 700, worst: "critical", loud, loudCritical: 3 } });
    expect(many(0, [])).toMatchObject({ mark: "ok", parts: [{ key: "state.quiet" }] });
    expect(many(5, [])).toMatchObject({ mark: "unknown", parts: [{ key: "state.openCritical", params: { a: 5, c: 3 } }] });
    expect(many(5, [rowOf(alert({ labels: { service_name: "checkout" } }))]).parts).toEqual([{ key: "state.trouble", params: { cell: "checkout" } }, { key: "state.openCritical", params: { a: 5, c: 3 } }]);
  });
});

describe("a replay", () => {
  const typed: Trial = { from: "now-1h", to: "now", alerting: "route: {}", policies: "", silences: "", hasSilences: false, templates: [] };
  const stretch = { from: new Date(NOW - 3_600_000).toISOString(), to: new Date(NOW).toISOString() };

  test("asks for what was changed, and for nothing else", () => {
    expect(requestOf(typed, "route: {}", NOW)).toEqual(stretch);
    expect(requestOf({ ...typed, alerting: "route: {receiver: x}", policies: "policies: []" }, "route: {}", NOW)).toEqual({ ...stretch, alerting: "route: {receiver: x}", policies: "policies: []" });
    expect(requestOf({ ...typed, to: "now-2h" }, "", NOW)).toBeNull();
    expect(requestOf({ ...typed, from: "soon" }, "", NOW)).toBeNull();
  });

  test("takes silences in the place of those there were, and templates with the configuration that names them", () => {
    expect(requestOf({ ...typed, silences: "team=db\n\n a=~\"b|c\" \n" }, "route: {}", NOW)).toEqual(stretch);
    expect(requestOf({ ...typed, hasSilences: true, silences: "team=db\n\n a=~\"b|c\" \n" }, "route: {}", NOW)).toEqual({ ...stretch, silences: [{ matchers: "team=db" }, { matchers: 'a=~"b|c"' }] });
    expect(requestOf({ ...typed, hasSilences: true }, "route: {}", NOW)).toEqual({ ...stretch, silences: [] });
    const templates = [{ pattern: "*.tmpl", name: "a.tmpl", text: "A" }, { pattern: "*.tmpl", name: "b.tmpl", text: "B" }, { pattern: "", name: "", text: "" }];
    expect(requestOf({ ...typed, templates }, "route: {}", NOW)).toEqual({ ...stretch, alerting: "route: {}", templates: { "*.tmpl": { "a.tmpl": "A", "b.tmpl": "B" } } });
  });
});

test("the matrix has a tile a region, the worst of what its sources say", () => {
  const cell = (source: string, region: string, over: Partial<MatrixCell>): MatrixCell => ({ source, provider: "aws", region, severity: null, alerts: 0, state: "ok", lag_seconds: 1, reason: null, ...over });
  const { columns, rows } = matrixOf([cell("a", "us-east-1", { alerts: 2, severity: "warning" }), cell("b", "us-east-1", { state: "stale", alerts: 2 }), cell("a", "us-west-2", { severity: "critical" }), cell("a", "eu-west-1", {})]);
  expect(columns).toEqual(["americas", "europe"]);
  expect(rows[0]?.tiles.get("americas")?.map((tile) => [tile.region, tile.mark, tile.alerts, tile.isStale])).toEqual([["us-west-2", "critical", 0, false], ["us-east-1", "warning", 2, true]]);
});

test("what happens next is told by time, what has none last", () => {
  const proposal = { id: "p", state: "proposed", runbook: "r", created_at: "2026-11-21T03:00:00Z", expires_at: "2026-11-21T03:19:00Z", alert: { name: "A" } } as Proposal;
  const delivery = { id: "d", receiver: "itsm", channel: "webhook", attempts: 2, last_error: "503" };
  const entries = upcoming([proposal, { ...proposal, id: "old", state: "denied" }], [{ ...delivery, state: "failed" } as never, { ...delivery, id: "e", state: "failed", next_attempt: "2026-11-21T03:15:00Z" } as never, { ...delivery, id: "f", state: "sent" } as never]);
  expect(entries.map((entry) => entry.id)).toEqual(["e", "p", "d"]);
});

test("channels in trouble go first, and sent counts for an hour", () => {
  const delivery = (over: object): never => ({ receiver: "r", channel: "email", state: "sent", sent_at: "2026-11-21T03:00:00Z", ...over }) as never;
  const channels = channelsOf([delivery({}), delivery({ sent_at: "2026-11-21T01:00:00Z" }), delivery({ channel: "pagerduty", state: "dead", sent_at: null })], NOW);
  expect(channels.map((channel) => [channel.name, channel.mark, channel.sentLastHour, channel.dead])).toEqual([["r pagerduty", "high", 0, 1], ["r email", "ok", 1, 0]]);
});

describe("alerts", () => {
  const rows = [alert({ severity: "critical" }), alert({ severity: "warning", resource: "azure:s:eastus:vm:1" }), alert({ state: "resolved" })].map(rowOf);

  test("a facet counts what its other values would bring", () => {
    const values = facetValues("severity", "severity=critical provider=aws", rows, NOW);
    expect(values.map(({ value, count, chosen }) => [value, count, chosen])).toEqual([["critical", 1, true], ["ok", 1, false]]);
  });

  test("groups have heads, and a label can be one", () => {
    const items = itemsOf(rows.slice(0, 2), new Map(), "provider");
    expect(items.map((item) => (item.kind === "head" ? `${item.value} ${item.count}` : "row"))).toEqual(["aws 1", "row", "azure 1", "row"]);
    expect(itemsOf(rows.slice(0, 2), new Map(), "team")).toMatchObject([{ kind: "head", value: "", count: 2 }, {}, {}]);
  });

  test("views count what they show, and one's own survive the browser", () => {
    expect(BUILT_IN.map((view) => countOf(view, rows, NOW))).toEqual([2, 2, 2, 0, 0, 0, 1]);
    const store = new Map<string, string>();
    const storage = { getItem: (key: string) => store.get(key) ?? null, setItem: (key: string, value: string) => void store.set(key, value) };
    storeViews(storage, withView(withView([], "mine", "a=b"), "mine", "c=d"));
    expect(ownViews(storage)).toMatchObject([{ name: "mine", q: "c=d", isOwn: true }]);
    store.set("isobar.views", '[1, {"name": 2}, null]');
    expect(ownViews(storage)).toEqual([]);
    store.set("isobar.views", "{");
    expect(ownViews(storage)).toEqual([]);
  });
});

describe("explore", () => {
  test.each([
    ["sum(ra", { kind: "name", typed: "ra", from: 4 }],
    ["up{jo", { kind: "label", typed: "jo", from: 3 }],
    ["up{job=\"no", { kind: "value", typed: "no", label: "job", from: 8 }],
    ["sum by (re", { kind: "label", typed: "re", from: 8 }],
    ['{"sys', { kind: "name", typed: "sys", from: 2 }],
    ["up[5m", { kind: "none" }],
    ['"a text', { kind: "none" }],
    ["# a comment", { kind: "none" }],
    ["up{a=\"}\", b", { kind: "label", typed: "b", from: 10 }],
  ])("%s", (text, expected) => {
    expect(placeAt(text, text.length)).toMatchObject(expected);
  });

  test("names with dots go in quotes, values are escaped", () => {
    const place = placeAt("sys", 3);
    expect(candidates(place, { metrics: ["system.cpu.utilization"], labels: [] }, [])).toEqual(["system.cpu.utilization"]);
    expect(insertion(place, "system.cpu.utilization")).toBe('{"system.cpu.utilization"}');
    expect(insertion(placeAt('up{a="', 6), 'say "no"')).toBe('say \\"no\\"');
  });

  test("errors point at their token", () => {
    expect(errorAt('invalid parameter "query": 1:5: parse error: unexpected x', "sum(foo")).toMatchObject({ start: 4, end: 7, line: 1, column: 5 });
    expect(errorAt("found: SELEC at Line: 2, Column: 1", "-- a\nSELEC 1")).toMatchObject({ start: 5, end: 10 });
    expect(errorAt("the store is closed", "up")).toBeNull();
    expect(errorAt("9:1: parse error", "up")).toBeNull();
  });

  test("gaps stay gaps, and what is not finite is one", () => {
    expect(aligned([{ name: "a", labels: {}, points: [[10, 1], [30, Number.NaN], [40, 4]] }], 10, 40, 10)).toEqual([[10, 20, 30, 40], [1, null, null, 4]]);
  });

  test("steps keep the points in bounds", () => {
    for (const range of [60, 900, 3600, 86_400, 30 * 86_400]) expect(range / stepFor(range)).toBeLessThanOrEqual(360);
    expect(stepFor(60)).toBe(15);
  });

  test("series keep their colour, and eight of them have eight", () => {
    const names = Array.from({ length: 20 }, (_, index) => `series ${index}`);
    const places = colours(names, 8);
    expect(new Set(places.slice(0, 8)).size).toBe(8);
    expect(new Set(places).size).toBe(20);
    expect(colours(names.slice(0, 1), 8)[0]).toBe(places[0]);
  });

  test("names are written as they can be asked", () => {
    expect(seriesName({ __name__: "up", job: 'a"b' })).toBe('up{job="a\\"b"}');
    expect(seriesName({ __name__: "system.cpu.utilization" })).toBe('{"system.cpu.utilization"}');
    expect(seriesName({})).toBe("{}");
  });

  test("a range that is wrong is an hour", () => {
    expect(readRange(new Map([["from", "now-2h"]]), NOW)).toEqual({ from: NOW / 1000 - 7200, to: NOW / 1000, isLive: true });
    expect(readRange(new Map([["from", "soon"], ["range", "x"]]), NOW)).toEqual({ from: NOW / 1000 - 3600, to: NOW / 1000, isLive: true });
  });
});

describe("sparklines", () => {
  const at = (minute: number, value: number | null): { at: number; value: number | null } => ({ at: minute * 60_000, value });

  test("a gap is a gap, a hole at the end too", () => {
    const spark = sparkGeometry([at(0, null), at(0, 1), at(1, 1), at(5, 2), at(10, null)], 3, 100, 20, 60_000);
    expect(spark.line.match(/M/g)).toHaveLength(2);
    expect(spark.gaps).toHaveLength(2);
    expect(spark.limitY).toBe(2);
  });

  test("a flat zero lies on the base line, and nothing is all gap", () => {
    expect(sparkGeometry([at(0, 0), at(1, 0)], null, 100, 20, 60_000).end?.y).toBe(18);
    expect(sparkGeometry([at(0, null), at(60, null)], 1, 100, 20, 60_000)).toMatchObject({ line: "", gaps: [{ x: 0, width: 100 }] });
  });
});

test("what is typed to approve is the resource's own name", () => {
  const of = (resource: string | null): string => wordToType({ runbook: "failover", alert: { resource } });
  expect(of("aws:1:us-east-1:compute.instance:i-0a1")).toBe("i-0a1");
  expect(of("azure:s:eastus:vm:/subscriptions/1/vm-3")).toBe("vm-3");
  expect(of(null)).toBe("failover");
  expect(isTyped(" i-0a1 ", "i-0a1")).toBe(true);
  expect(isTyped("I-0A1", "i-0a1")).toBe(false);
  expect(isTyped("", "")).toBe(false);
});

test("golden metrics: what says most first, at most six", () => {
  const names = ["node_cpu_seconds_total", "resource.up", "system.network.io.rate", "system.cpu.utilization", "system.memory.utilization", "system.uptime", "system.process.count", "system.filesystem.utilization"];
  expect(goldenOf(names)).toEqual(["system.cpu.utilization", "system.memory.utilization", "system.network.io.rate", "system.filesystem.utilization", "resource.up", "system.process.count"]);
  expect(selector("a.b", 'x"y')).toBe('{__name__="a.b", resource_id="x\\"y"}');
});

test("sources and coverage are counted", () => {
  expect(countsOf([source("a", "up"), source("b", "down"), source("c", "disabled")])).toMatchObject({ mark: "nodata", total: 3, states: [{ state: "up", n: 1 }, { state: "down", n: 1 }, { state: "disabled", n: 1 }] });
  expect(coverageOf([{ provider: "aws", canonical: "a" }, { provider: "aws", canonical: null }])).toEqual([{ provider: "aws", mapped: 1, unmapped: 1 }]);
});

test("commands: a start beats a word's start beats the middle", () => {
  expect(rankEntries(["xal", "re al", "alerts", "none"], "al", (text) => text)).toEqual(["alerts", "re al", "xal"]);
});
