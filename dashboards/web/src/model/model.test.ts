import { describe, expect, test } from "vitest";

import type { Source } from "../api/shapes";
import { alert } from "../test/alert";
import { groupsOf } from "./ground";
import { geographyOf, partsOf, providerMark } from "./provider";
import { comparator, readSort, rowOf, rowWith, writeSort } from "./row";
import { markOfAlert, markOfCell, markOfSeverity, rank } from "./severity";
import { bills, troubleFirst } from "./source";

describe("marks", () => {
  test("no data is never OK, and a severity that is not known is unknown", () => {
    expect(markOfAlert({ state: "no_data", severity: "warning" })).toBe("nodata");
    expect(markOfAlert({ state: "firing", severity: "error" })).toBe("high");
    expect(markOfSeverity("sev-7")).toBe("unknown");
  });

  test("a region that is not seen is not well, but known trouble stays the worse news", () => {
    expect(markOfCell({ state: "ok", severity: null })).toBe("ok");
    expect(markOfCell({ state: "nodata", severity: null })).toBe("nodata");
    expect(markOfCell({ state: "nodata", severity: "warning" })).toBe("nodata");
    expect(markOfCell({ state: "unknown", severity: "critical" })).toBe("critical");
  });
});

describe("resources", () => {
  test("the native id may hold colons", () => {
    expect(partsOf("aws:1:us-east-1:lb:arn:aws:x/y")).toEqual({ provider: "aws", account: "1", region: "us-east-1", type: "lb", native: "arn:aws:x/y" });
    expect(partsOf("nonsense")).toBeNull();
    expect(rowOf(alert({ resource: "azure:s:eastus:vm:/subscriptions/1/vm-3" })).resource).toBe("vm-3");
    expect(rowOf(alert({ resource: null, labels: { instance: "h:9100" } })).resource).toBe("h:9100");
  });

  test.each([
    ["aws", "us-east-1", "americas"],
    ["aws", "sa-east-1", "americas"],
    ["aws", "eu-west-1", "europe"],
    ["aws", "cn-north-1", "china"],
    ["aws", "ap-southeast-1", "apac"],
    ["aws", "me-south-1", "mea"],
    ["azure", "eastus2", "americas"],
    ["azure", "westeurope", "europe"],
    ["azure", "northeurope", "europe"],
    ["azure", "southeastasia", "apac"],
    ["azure", "uksouth", "europe"],
    ["azure", "southafricanorth", "mea"],
    ["azure", "centralindia", "apac"],
    ["gcp", "us-central1", "americas"],
    ["gcp", "europe-west4", "europe"],
    ["gcp", "asia-east1", "apac"],
    ["alibaba_cloud", "cn-hangzhou", "china"],
    ["alibaba_cloud", "cn-hongkong", "apac"],
    ["huawei_cloud", "cn-east-3", "china"],
    ["huawei_cloud", "la-south-2", "americas"],
    ["onprem", "room-1", "local"],
    ["onprem", "", "local"],
  ])("%s %s lies in %s", (provider, region, expected) => {
    expect(geographyOf(provider, region)).toBe(expected);
  });

  test("a provider that is not known has letters too", () => {
    expect(providerMark("oracle")).toBe("ORA");
  });
});

test("what the labels of an alert do not say, its resource does", () => {
  const bare = alert({ labels: {} });
  expect(rowWith(bare, { name: "checkout-01", service: "checkout" })).toMatchObject({ resource: "checkout-01", service: "checkout" });
  const labelled = alert({ labels: { resource_name: "own", service_name: "own" } });
  expect(rowWith(labelled, { name: "checkout-01", service: "checkout" })).toMatchObject({ resource: "own", service: "own" });
  expect(rowWith(bare, { name: "", service: "" }).resource).toMatch(/^i-/);
});

test("groups say what their alerts share, the worst first", () => {
  const at = (provider: string, region: string): string => `${provider}:1:${region}:compute.instance:i`;
  const labels = { service_name: "checkout" };
  const rows = [
    alert({ name: "Disk", severity: "warning" }),
    alert({ resource: at("aws", "us-east-1"), labels }),
    alert({ resource: at("azure", "eastus"), labels, acknowledged_by: "mei", starts_at: "2026-11-21T03:00:00.000Z" }),
  ].map(rowOf);
  const [worst, other] = groupsOf(rows, rank);
  expect(worst).toMatchObject({ name: "HighCpu", mark: "critical", common: { service: "checkout", provider: null, region: null }, providers: ["aws", "azure"], owners: ["mei"], unowned: 1 });
  expect(worst?.since).toBe(Date.parse("2026-11-21T03:00:00.000Z"));
  expect(other).toMatchObject({ name: "Disk", common: { service: null, provider: "aws", region: "us-east-1" } });
});

test("sorting is total: equal rows keep one order, and what has no value comes last", () => {
  const rows = [alert({ id: "b", value: null }), alert({ id: "a", value: 2 }), alert({ id: "c", value: 3 })].map(rowOf);
  const order = (text: string): string => [...rows].sort(comparator(readSort(text))).map((row) => row.id).join("");
  expect(order("value")).toBe("acb");
  expect(order("-value")).toBe("cab");
  expect(order("severity")).toBe("abc");
  expect(writeSort(readSort("-since"))).toBe("-since");
  expect(writeSort(readSort("nonsense"))).toBeNull();
});

describe("sources", () => {
  const source = (name: string, state: Source["state"], over: Partial<Source> = {}): Source => ({ name, kind: "k", state, reason: null, last_success: null, samples_last_cycle: 0, lag_seconds: 1, cost: null, ...over });

  test("trouble goes first, what is switched off last", () => {
    const sorted = troubleFirst([source("off", "disabled"), source("up", "up"), source("down", "down"), source("slow", "degraded")]);
    expect(sorted.map((one) => one.name)).toEqual(["slow", "down", "up", "off"]);
  });

  test("amounts of different currencies are not added", () => {
    const cost = (projected_month: number, currency: string): Source["cost"] => ({ calls: 1, billed_units: 1, projected_month, currency });
    const sums = bills([source("a", "up", { cost: cost(2, "USD") }), source("b", "up", { cost: cost(3, "USD") }), source("c", "up", { cost: cost(9, "CNY") }), source("d", "up")]);
    expect(sums.map(({ currency, projected, calls }) => [currency, projected, calls])).toEqual([["CNY", 9, 1], ["USD", 5, 2]]);
  });
});
