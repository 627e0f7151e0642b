/**
 * A small Isobar for working on the page: recorded shapes of the native API over the scripted story of the demo, and the
 * built page under the server's own headers. `node e2e/mock.mjs [port]`. Tests run against the real binary; over this one only
 * what no real one can show within a test: a hundred thousand alerts, and a story whose every name and number is known.
 */
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
const PAGES = ["/", "/alerts", "/incidents", "/silences", "/routing", "/explore", "/resources", "/proposals", "/sources"];
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8" };
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
};

const started = Date.now();
const iso = (at) => new Date(at).toISOString();
const MINUTE = 60_000;
const CPU = { level: "critical", operator: ">", value: 0.95, unit: "1" };

function fingerprint(text) {
  let hash = 0xcbf29ce484222325n;
  for (const c of text) hash = ((hash ^ BigInt(c.codePointAt(0))) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash.toString(16).padStart(16, "0");
}

const MACHINES = [
  ["aws", "123456789012", "us-east-1", "compute.instance", "i-0a1b2c3d4e5f60001", "checkout-07", "checkout"],
  ["aws", "123456789012", "eu-west-1", "compute.instance", "i-0a1b2c3d4e5f60002", "checkout-21", "checkout"],
  ["azure", "11111111-2222-3333-4444-555555555555", "eastus", "compute.instance", "/subscriptions/1111/resourcegroups/rg/providers/microsoft.compute/virtualmachines/checkout-vm-3", "checkout-vm-3", "checkout"],
  ["azure", "11111111-2222-3333-4444-555555555555", "westeurope", "compute.instance", "/subscriptions/1111/resourcegroups/rg/providers/microsoft.compute/virtualmachines/checkout-vm-9", "checkout-vm-9", "checkout"],
  ["onprem", "", "", "host", "rack1-checkout-02:9100", "rack1-checkout-02", "checkout"],
  ["onprem", "", "", "host", "rack2-checkout-05:9100", "rack2-checkout-05", "checkout"],
];

function alert(name, machine, over) {
  const [provider, account, region, type, native, resourceName, service] = machine;
  const resource = `${provider}:${account}:${region}:${type}:${native}`;
  const id = fingerprint(`${name} ${resource}`);
  return {
    id, fingerprint: id, name, state: "firing", severity: "critical", class: "saturation", failure_domain: "resource",
    sources: ["policy:HighCpu"], verified: true, resource,
    labels: { alertname: name, cloud_provider: provider, cloud_account_id: account, cloud_region: region, resource_name: resourceName, resource_id: resource, service_name: service, team: "platform" },
    annotations: { summary: `CPU of ${resourceName} at 97 %`, runbook_url: "https://runbooks.example/high-cpu" },
    value: 0.972, starts_at: iso(started - 8 * MINUTE), ends_at: null, acknowledged_by: null, assigned_to: null, snoozed_until: null, silenced_by: [], inhibited_by: [], muted_by: [], incident: null,
    comments: [], flapping: false, generator_url: null, metric: null, native: [], proposals: [], threshold: CPU, expression: `system_cpu_utilization_ratio{resource_id="${resource}"}`, ...over,
  };
}

const alerts = MACHINES.map((machine, index) =>
  alert("HighCpu", machine, {
    starts_at: iso(started - (8 + index / 4) * MINUTE),
    native: index === 0 ? [{ source: "aws-prod", id: "checkout-07-cpu", name: "checkout-07 CPU", muted: false, state: "firing", severity: "critical", source_severity: "ALARM", since: iso(started - 7 * MINUTE), url: "https://console.aws.amazon.com/cloudwatch/" }] : [],
    proposals: index === 0 ? ["p-1"] : [],
    sources: index === 0 ? ["policy:HighCpu", "aws-prod"] : ["policy:HighCpu"],
  }),
);
const alb = ["aws", "123456789012", "us-east-1", "lb.application", "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/checkout-alb/50dc6c495c0c9188", "checkout-alb", "checkout"];
alerts.push(
  alert("Alb5xx", alb, { severity: "error", class: "errors", value: 0.042, threshold: { level: "error", operator: ">", value: 0.02, unit: "1" }, starts_at: iso(started - 3 * MINUTE), acknowledged_by: "mei.tan" }),
  alert("DiskWillFill", ["onprem", "", "", "host", "rack1-search-01:9100", "rack1-search-01", "search"], { severity: "warning", class: "capacity", value: 0.86, threshold: { level: "warning", operator: ">", value: 0.8, unit: "1" }, starts_at: iso(started - 40 * MINUTE) }),
  alert("AgentSilent", ["onprem", "", "", "host", "rack2-batch-03:9100", "rack2-batch-03", "batch"], { state: "no_data", severity: "warning", class: "availability", value: null, threshold: null, expression: null, starts_at: iso(started - 22 * MINUTE) }),
  alert("QuotaNear", alb, { severity: "info", class: "capacity", value: 0.78, threshold: { level: "info", operator: ">", value: 0.75, unit: "1" }, starts_at: iso(started - 5 * MINUTE), silenced_by: ["s-1"] }),
  alert("MemoryLow", MACHINES[1], { state: "pending", severity: "warning", value: 0.91, threshold: { level: "warning", operator: ">", value: 0.9, unit: "1" }, starts_at: iso(started - MINUTE) }),
  alert("QueueAge", alb, { state: "resolved", severity: "error", class: "latency", value: 4, starts_at: iso(started - 90 * MINUTE), ends_at: iso(started - 60 * MINUTE) }),
);
for (let i = 0; i < Number(process.env.MOCK_MORE ?? 0); i++) {
  alerts.push(alert(`Storm${i % 20}`, ["aws", "123456789012", "us-east-1", "compute.instance", `i-${String(i).padStart(8, "0")}`, `node-${i}`, "platform"], { severity: ["critical", "error", "warning"][i % 3], starts_at: iso(started - i * 1000), expression: null }));
}

const source = (name, kind, over) => ({ name, kind, state: "up", reason: null, last_success: iso(Date.now() - 20_000), samples_last_cycle: 1204, lag_seconds: 22, cost: null, ...over });
const sources = () => [
  source("aws-prod", "cloudwatch", { state: "degraded", reason: "123456789012/us-east-1: 18 % of calls timed out", lag_seconds: 84, samples_last_cycle: 8410, cost: { calls: 41220, billed_units: 412200, projected_month: 812.4, currency: "USD" } }),
  source("azure-prod", "azure_monitor", { lag_seconds: 31, samples_last_cycle: 3100, cost: { calls: 12480, billed_units: 0, projected_month: 0, currency: "USD" } }),
  source("onprem", "prometheus", { lag_seconds: 4, samples_last_cycle: 31902 }),
  source("edge", "prometheus", { state: "down", reason: "connection refused since 02:51:40", lag_seconds: null, samples_last_cycle: 0, last_success: iso(started - 22 * MINUTE) }),
];
const part = (key, over) => ({ key, state: "up", reason: null, last_success: iso(Date.now() - 20_000), watermark: iso(Date.now() - 30_000), lag_seconds: 30, samples_last_cycle: 400, next_at: iso(Date.now() + 40_000), ...over });
function detail(name) {
  const found = sources().find((one) => one.name === name);
  if (!found) return null;
  const fill = (index) => (found.state === "up" ? "full" : found.state === "down" ? (index > 18 ? "none" : "full") : index > 23 ? "partial" : index < 2 ? "unknown" : "full");
  return {
    ...found,
    parts: name === "aws-prod" ? [part("123456789012/us-east-1", { state: "degraded", reason: "18 % of calls timed out", lag_seconds: 84 }), part("123456789012/eu-west-1"), part("123456789012/us-east-1/alarms"), part("123456789012/us-east-1/inventory", { watermark: null, lag_seconds: null })] : [part(name)],
    coverage: { mapped: 96, unmapped: 4 },
    freshness: Array.from({ length: 30 }, (_, index) => fill(index)),
    calls: found.cost ? [{ what: "GetMetricData", calls: 41000, billed: 412000, unit_price: 0.00001 }, { what: "ListMetrics", calls: 220, billed: 220, unit_price: 0.00001 }] : [],
  };
}

const deliveries = [
  { id: "d-1", incident: null, receiver: "oncall", channel: "pagerduty", transition: "firing", state: "sent", attempts: 1, idempotency_key: "isobar/1f0c/firing/1", last_error: null, queued_at: iso(started - 7 * MINUTE), sent_at: iso(started - 7 * MINUTE + 900), next_attempt: null, alerts: alerts.filter((one) => one.name === "HighCpu").map((one) => one.id) },
  { id: "d-2", incident: null, receiver: "itsm", channel: "webhook", transition: "firing", state: "failed", attempts: 2, idempotency_key: "isobar/1f0c/firing/2", last_error: "503 Service Unavailable", queued_at: iso(started - 6 * MINUTE), sent_at: null, next_attempt: iso(started + 3 * MINUTE), alerts: [] },
  { id: "d-3", incident: null, receiver: "team", channel: "email", transition: "firing", state: "sent", attempts: 1, idempotency_key: "isobar/1f0c/firing/3", last_error: null, queued_at: iso(started - 5 * MINUTE), sent_at: iso(started - 5 * MINUTE), next_attempt: null, alerts: [] },
];
const lever = { position: "propose", set_by: null, set_at: null, reason: null };
const proposals = [
  {
    id: "p-1", runbook: "checkout-failover", state: "proposed", hash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    alert: { id: alerts[0].id, name: "HighCpu", severity: "critical", resource: alerts[0].resource },
    evidence: [{ kind: "policy", detail: "HighCpu has been firing for 8 min on i-0a1b2c3d4e5f60001", at: iso(started - 8 * MINUTE), verified: true }, { kind: "native alarm", detail: "aws-prod says ALARM for the same machine", at: iso(started - 7 * MINUTE), verified: true }, { kind: "webhook", detail: "a vendor's status page names us-east-1", at: null, verified: false }],
    target: { url: "http://127.0.0.1:9099/failover/checkout", method: "POST" }, reason: "critical for longer than 5 min", created_at: iso(started - 2 * MINUTE), expires_at: iso(started + 13 * MINUTE), decided_by: null, decided_at: null, comment: null, delivery: null,
  },
  {
    id: "p-0", runbook: "restart-batch", state: "denied", hash: "00ff", alert: { id: "0", name: "BatchStuck", severity: "warning", resource: null }, evidence: [], target: { url: "https://ops.example/restart", method: "POST" }, reason: null,
    created_at: iso(started - 90 * MINUTE), expires_at: iso(started - 75 * MINUTE), decided_by: "li.wei", decided_at: iso(started - 80 * MINUTE), comment: "it recovered by itself", delivery: null,
  },
];
const cell = (source, provider, region, over) => ({ source, provider, region, severity: null, alerts: 0, state: "ok", lag_seconds: 20, reason: null, ...over });
const overview = () => ({
  sentence: { state: "degraded", provider: "aws", region: "us-east-1" },
  matrix: [
    cell("aws-prod", "aws", "us-east-1", { severity: "critical", alerts: 3, state: "stale", lag_seconds: 84, reason: "18 % of calls timed out" }),
    cell("aws-prod", "aws", "eu-west-1", { severity: "critical", alerts: 1 }),
    cell("azure-prod", "azure", "eastus", { severity: "critical", alerts: 1 }),
    cell("azure-prod", "azure", "westeurope", { severity: "critical", alerts: 1 }),
    cell("azure-prod", "azure", "southeastasia"), cell("azure-prod", "azure", "northeurope", { severity: "warning", alerts: 2 }),
    cell("onprem", "onprem", "room-1", { severity: "warning", alerts: 2, state: "ok" }),
    cell("onprem", "onprem", "room-2", { state: "nodata", lag_seconds: null, reason: "connection refused since 02:51:40" }),
    cell("gcp", "gcp", "us-east4", { severity: "info", alerts: 1 }), cell("gcp", "gcp", "asia-east1", { state: "unknown" }), cell("ali", "alibaba_cloud", "cn-hangzhou", { state: "stale", lag_seconds: 600 }),
  ],
  counts: { critical: 6, error: 1, warning: 2, info: 1 }, sources: { up: 2, degraded: 1, down: 1 },
  deliveries: { queued: 0, failed: 1, dead: 0, sent_last_hour: 2, last_sent_at: iso(started - 5 * MINUTE) }, cost: { calls: 53700, billed_units: 412200, projected_month: 812.4, currency: "USD" },
});
const coverage = [
  ...["CPUUtilization", "NetworkIn", "NetworkOut", "EBSReadBytes"].map((metric) => ({ provider: "aws", namespace: "AWS/EC2", metric, statistic: "Average", canonical: metric === "CPUUtilization" ? "system.cpu.utilization" : "system.network.io.rate", unit: "1", resources: 90, sources: ["aws-prod"] })),
  { provider: "aws", namespace: "AWS/EC2", metric: "CPUSurplusCreditBalance", statistic: "Average", canonical: null, unit: null, resources: 12, sources: ["aws-prod"] },
  { provider: "azure", namespace: "Microsoft.Compute/virtualMachines", metric: "Percentage CPU", statistic: "Average", canonical: "system.cpu.utilization", unit: "1", resources: 60, sources: ["azure-prod"] },
];
const resources = MACHINES.concat([alb]).map(([provider, account, region, type, native, name, service]) => ({ id: `${provider}:${account}:${region}:${type}:${native}`, provider, account, region, zone: region ? `${region}a` : "", type, native_id: native, name, tags: { tier: "front", owner: "platform" }, service, last_seen: iso(Date.now() - 30_000) }));
const why = (id) => [
  { stage: "evaluate", verdict: "firing", rule: "HighCpu", at: iso(started - 8 * MINUTE), detail: "0.972 is over 0.95 since 2 min; needed 2 min" },
  { stage: "route", verdict: "refused", rule: "route.routes[0]", at: null, detail: `team="data" does not hold: team is "platform"` },
  { stage: "route", verdict: "chosen", rule: "route", at: null, detail: "receiver oncall" },
  { stage: "group", verdict: "waiting", rule: `{}:{alertname="HighCpu"}`, at: iso(started + 4 * MINUTE), detail: "the group was told and rests; 6 alerts for receiver oncall" },
  { stage: "deliver", verdict: "sent", rule: "oncall/pagerduty", at: iso(started - 7 * MINUTE), detail: `taken after 1 try: 202 {"status":"success"} ${id}` },
];

/** What the centre knows: incidents of the first alerts, two silences, a tree of routes. Acts change it as the server would. */
const first = alerts.filter((one) => one.name === "HighCpu").slice(0, 4);
const incidents = [
  { id: "i-0000000000000001", title: "AWS us-east-1 is out", state: "open", severity: "critical", cell: { provider: "aws", region: "us-east-1", zone: null, service: null }, reason: "HighCpu opened it; Alb5xx began 5 min later in the same region", starts_at: iso(started - 8 * MINUTE), ends_at: null, updated_at: iso(started - MINUTE), acknowledged_by: null, merged_into: null, of: first.map((one) => one.id), outage: { cause: "provider", level: "suspected", onset: iso(started - 8 * MINUTE), found_at: iso(started - 6 * MINUTE), ended_at: null, evidence: [{ class: "breadth", detail: "61 of 74 resources of 4 services breach; 2 of 74 usually do", at: iso(started - 6 * MINUTE) }, { class: "collectors", detail: "18 % of our calls time out; 0.1 % elsewhere", at: iso(started - 5 * MINUTE) }], against: ["eu-west-1 is as usual"] } },
  { id: "i-0000000000000002", title: "Disk will fill on rack1-search-01", state: "acknowledged", severity: "warning", cell: null, reason: "DiskWillFill opened it", starts_at: iso(started - 40 * MINUTE), ends_at: null, updated_at: iso(started - 30 * MINUTE), acknowledged_by: "li.wei", merged_into: null, of: alerts.filter((one) => one.name === "DiskWillFill").map((one) => one.id), outage: null },
  { id: "i-0000000000000003", title: "Queue age of checkout-alb", state: "resolved", severity: "error", cell: null, reason: "QueueAge opened it", starts_at: iso(started - 90 * MINUTE), ends_at: iso(started - 60 * MINUTE), updated_at: iso(started - 60 * MINUTE), acknowledged_by: "mei.tan", merged_into: null, of: alerts.filter((one) => one.name === "QueueAge").map((one) => one.id), outage: null },
];
for (const incident of incidents) for (const one of alerts) if (incident.of.includes(one.id)) one.incident = incident.id;
const incidentView = ({ of, ...incident }) => ({ ...incident, alert_count: of.length, open_count: alerts.filter((one) => of.includes(one.id) && one.state !== "resolved").length });
const entry = (at, kind, what, subject, over) => ({ at: iso(at), kind, what, subject, actor: null, detail: "", alert: null, delivery: null, ...over });
const acted = [];
function incidentDetail(incident) {
  const members = alerts.filter((one) => incident.of.includes(one.id)).map((one) => ({ id: one.id, name: one.name, severity: one.severity, resource: one.resource, joined_at: one.starts_at, left_at: one.ends_at, reason: "same region and class within 5 min of the first", by_person: false }));
  const timeline = [
    ...members.map((member) => entry(Date.parse(member.joined_at), "alert", "firing", member.name, { alert: member.id, detail: member.resource ?? "" })),
    entry(started - 7 * MINUTE, "delivery", "sent", "oncall pagerduty", { detail: "202 after 1 try", delivery: "d-1" }),
    ...(incident.outage ? [entry(started - 6 * MINUTE, "incident", "suspected", "AWS us-east-1", { detail: "breadth, collectors" }), entry(started - 4 * MINUTE, "notice", "notice", "AWS", { detail: "Increased error rates in us-east-1" })] : []),
    ...acted.filter((one) => one.incident === incident.id).map((one) => one.entry),
  ].sort((a, b) => a.at.localeCompare(b.at));
  return { ...incidentView(incident), members, timeline };
}
const matcher = (name, value, is_regex = false) => ({ name, value, is_regex, is_equal: true });
const silences = [
  { id: "7a9e0c11-0000-4000-8000-000000000001", state: "active", matchers: [matcher("alertname", "QuotaNear")], starts_at: iso(started - 60 * MINUTE), ends_at: iso(started + 180 * MINUTE), updated_at: iso(started - 60 * MINUTE), created_by: "mei.tan", comment: "quota is being raised", annotations: { ticket: "OPS-7" }, recurrence: [], until_resolved: true },
  { id: "7a9e0c11-0000-4000-8000-000000000002", state: "pending", matchers: [matcher("team", "platform"), matcher("severity", "warning|info", true)], starts_at: iso(started - 60 * MINUTE), ends_at: iso(started + 9000 * MINUTE), updated_at: iso(started - 60 * MINUTE), created_by: "li.wei", comment: "weekly maintenance", annotations: {}, recurrence: [{ weekdays: ["saturday"], times: [{ start_time: "02:00", end_time: "04:00" }], location: "Europe/Berlin" }], until_resolved: false },
];
const fits = (one, matchers) => matchers.every(({ name, value, is_regex, is_equal }) => (is_regex ? new RegExp(`^(?:${value})$`).test(one.labels[name] ?? "") : (one.labels[name] ?? "") === value) === is_equal);
const openOnes = () => alerts.filter((one) => one.state !== "resolved");
const silenceView = (one) => ({ ...one, hides: one.state === "active" ? openOnes().filter((alert) => fits(alert, one.matchers)).length : 0 });
function hidden(found) {
  const names = new Map();
  for (const one of found) names.set(one.name, (names.get(one.name) ?? 0) + 1);
  return { total: found.length, critical: found.filter((one) => one.severity === "critical").length, names: [...names].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count).slice(0, 10) };
}
const route = (place, receiver, matchers, over) => ({ place, receiver, matchers, group_by: ["alertname"], group_wait: 30, group_interval: 300, repeat_interval: 14400, continue: false, mute_intervals: [], active_intervals: [], alerts: 0, routes: [], ...over });
const CONFIG = "route:\n  receiver: oncall\n  group_by: [alertname]\n  routes:\n    - matchers: ['team=\"data\"']\n      receiver: data\nreceivers:\n  - name: oncall\n    pagerduty_configs: [{routing_key: <secret>}]\n  - name: data\n";
const routing = () => ({ config: CONFIG, route: route("route", "oncall", [], { alerts: openOnes().length, routes: [route("route.routes[0]", "data", ['team="data"'], { mute_intervals: ["nights"] }), route("route.routes[1]", "itsm", ['severity=~"critical|error"'], { continue: true, alerts: 7 })] }) });
const channel = (name, over) => ({ channel: name, index: 0, queued: 0, failed: 0, dead: 0, sent_last_hour: 9, last_sent_at: iso(started - 5 * MINUTE), last_error: null, last_error_at: null, target: "hooks.example", ...over });
const receivers = [
  { name: "oncall", routes: 1, channels: [channel("pagerduty"), channel("email")] },
  { name: "itsm", routes: 1, channels: [channel("webhook", { failed: 1, sent_last_hour: 0, last_error: "503 Service Unavailable", last_error_at: iso(started - 6 * MINUTE) })] },
  { name: "nobody", routes: 0, channels: [] },
];
function acts({ ids, q, expected, act, to, until, note }) {
  const targets = (ids ? alerts.filter((one) => ids.includes(one.id)) : matching(alerts, q ?? "")).filter((one) => one.state === "firing" || one.state === "no_data");
  if (expected !== undefined && targets.length > expected) return null;
  const by = "local";
  const before = new Map(targets.map((one) => [one.id, JSON.stringify(one)]));
  for (const one of targets) {
    if (act === "acknowledge") one.acknowledged_by ??= by;
    if (act === "unacknowledge") one.acknowledged_by = null;
    if (act === "assign") one.assigned_to = to || null;
    if (act === "snooze") one.snoozed_until = until;
    if (act === "unsnooze") one.snoozed_until = null;
    if (act === "comment") one.comments = [...one.comments, { at: iso(Date.now()), by, text: note }];
    if (one.incident) acted.push({ incident: one.incident, entry: entry(Date.now(), "person", act, one.name, { actor: by, detail: note ?? "", alert: one.id }) });
  }
  const changed = targets.filter((one) => JSON.stringify(one) !== before.get(one.id)).map((one) => one.id);
  return { affected: changed.length, ids: changed };
}

/** The part of the filter language the tests speak: `key=value`, `key!=value` and words. */
const FIELDS = { severity: (one) => (one.state === "resolved" ? "ok" : one.state === "no_data" ? "nodata" : one.severity === "error" ? "high" : one.severity), provider: (one) => (one.resource ?? "").split(":")[0], region: (one) => one.labels.cloud_region ?? "", service: (one) => one.labels.service_name ?? "", owner: (one) => one.acknowledged_by ?? (one.assigned_to || "nobody"), held: (one) => (one.silenced_by.length + one.inhibited_by.length + one.muted_by.length > 0 || one.snoozed_until ? "yes" : "no"), acknowledged: (one) => (one.acknowledged_by === null ? "no" : "yes"), flapping: (one) => (one.flapping ? "yes" : "no"), incident: (one) => one.incident ?? "", source: (one) => one.sources[0] };
const valueOf = (one, key) => (FIELDS[key] ? FIELDS[key](one) : (one.labels[key] ?? one[key] ?? ""));
function matching(items, q, skip = null) {
  const tests = q.split(/\s+/).filter(Boolean).map((part) => {
    const chip = /^@?(\w+)(!?=)"?(.*?)"?$/.exec(part);
    if (!chip) return (one) => `${one.name} ${one.id} ${Object.values(one.labels).join(" ")}`.toLowerCase().includes(part.toLowerCase());
    return chip[1] === skip ? () => true : (one) => (valueOf(one, chip[1]) === chip[3]) === (chip[2] === "=");
  });
  return items.filter((one) => tests.every((test) => test(one)));
}
const RANKS = ["critical", "high", "nodata", "unknown", "warning", "info", "ok"];
let sortedOpen = null;
function listAlerts(url) {
  const ask = url.searchParams;
  sortedOpen ??= alerts.filter((one) => one.state !== "resolved").sort((a, b) => RANKS.indexOf(FIELDS.severity(a)) - RANKS.indexOf(FIELDS.severity(b)) || b.starts_at.localeCompare(a.starts_at));
  const q = ask.get("q") ?? "";
  const found = matching(ask.get("state") === "open" ? sortedOpen : alerts, q);
  const facets = {};
  for (const asked of (ask.get("facets") ?? "").split(",").filter(Boolean)) {
    const name = asked.replace("@", "");
    const counts = new Map();
    for (const one of new RegExp(`\\b${name}!?=`).test(q) ? matching(sortedOpen, q, name) : found) {
      const value = valueOf(one, name);
      if (value !== "") counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    facets[asked] = [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count).slice(0, 50);
  }
  const start = Number(ask.get("after") ?? 0);
  const limit = Number(ask.get("limit") ?? 100);
  return { items: found.slice(start, start + limit), total: found.length, next: start + limit < found.length ? String(start + limit) : null, facets };
}

function list(items, url) {
  const words = (url.searchParams.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const found = items.filter((item) => words.every((word) => JSON.stringify(item).toLowerCase().includes(word)));
  const start = Number(url.searchParams.get("after") ?? 0);
  const limit = Number(url.searchParams.get("limit") ?? 100);
  const next = start + limit < found.length ? String(start + limit) : null;
  return { items: found.slice(start, start + limit), total: found.length, next };
}

function range(params) {
  const query = params.get("query") ?? "";
  if (/[({]\s*$/.test(query)) return [400, { status: "error", errorType: "bad_data", error: `invalid parameter "query": 1:${query.length}: parse error: unclosed left parenthesis` }];
  const [start, end, step] = ["start", "end", "step"].map((name) => Number(params.get(name)));
  const count = query.includes("resource_id") ? 1 : 4;
  const result = Array.from({ length: count }, (_, index) => {
    const values = [];
    for (let at = start; at <= end; at += step) {
      if (index === 1 && at > start + (end - start) * 0.6 && at < start + (end - start) * 0.7) continue;
      const risen = at * 1000 > started - 10 * MINUTE ? 0.4 : 0;
      values.push([at, String(Math.min(0.99, 0.45 + index * 0.08 + risen + Math.sin(at / 300 + index) * 0.06 + ((at * 7919) % 13) / 400))]);
    }
    return { metric: { __name__: "system.cpu.utilization", cloud_provider: ["aws", "azure", "onprem", "gcp"][index], resource_name: MACHINES[index]?.[5] ?? "" }, values };
  });
  return [200, { status: "success", data: { resultType: "matrix", result } }];
}

let seq = 0;
const streams = new Set();
setInterval(() => {
  for (const stream of streams) stream.write(": still here\n\n");
}, 15_000).unref();

function tell(kind) {
  seq += 1;
  for (const stream of streams) stream.write(`id: ${seq}\nevent: ${kind}\nretry: 3000\ndata: {"seq":${seq}}\n\n`);
}

async function api(url, request, response) {
  const json = (body, status = 200) => {
    response.writeHead(status, { ...HEADERS, "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  const wanted = process.env.MOCK_TOKEN;
  if (wanted && request.headers.authorization !== `Bearer ${wanted}`) return json({ code: "unauthorized", message: "send a token of this server" }, 401);
  const native = url.pathname.replace("/api/isobar/v1/", "");
  const [head, id, verb] = native.split("/").map(decodeURIComponent);
  if (url.pathname === "/api/v1/query_range") return json(...range(new URLSearchParams(body || url.search)).reverse());
  if (url.pathname === "/api/v1/label/__name__/values") return json({ status: "success", data: ["node_cpu_seconds_total", "system.cpu.utilization", "system.memory.utilization", "up"] });
  if (url.pathname === "/api/v1/labels") return json({ status: "success", data: ["__name__", "cloud_provider", "cloud_region", "resource_id", "resource_name"] });
  if (url.pathname.startsWith("/api/v1/label/")) return json({ status: "success", data: ["aws", "azure", "onprem"] });
  if (url.pathname === "/api/v1/series") return json({ status: "success", data: ["system.cpu.utilization", "system.memory.utilization", "system.network.io.rate", "system.filesystem.utilization", "resource.up"].map((name) => ({ __name__: name })) });
  switch (head) {
    case "alerts":
      if (id === "acts") {
        const done = acts(JSON.parse(body));
        tell("handling");
        return done ? json(done) : json({ code: "conflict", message: "more alerts match by now" }, 409);
      }
      return id ? json(alerts.find((one) => one.id === id) ?? { code: "not_found", message: "there is no such alert" }, alerts.some((one) => one.id === id) ? 200 : 404) : json(listAlerts(url));
    case "incidents": {
      if (!id) {
        const state = url.searchParams.get("state") ?? "all";
        return json(list(incidents.filter((one) => state === "all" || (one.state === "resolved") === (state === "resolved")).map(incidentView), url));
      }
      const incident = incidents.find((one) => one.id === id);
      if (!incident) return json({ code: "not_found", message: "there is no such incident" }, 404);
      if (!verb) return json(incidentDetail(incident));
      const sent = JSON.parse(body);
      let answer = incident;
      if (verb === "acknowledge") Object.assign(incident, { state: "acknowledged", acknowledged_by: "local" });
      if (verb === "unacknowledge") Object.assign(incident, { state: "open", acknowledged_by: null });
      if (verb === "merge") {
        const from = incidents.find((one) => one.id === sent.from);
        incident.of.push(...from.of);
        Object.assign(from, { of: [], state: "resolved", ends_at: iso(Date.now()), merged_into: incident.id });
      }
      if (verb === "split") {
        incident.of = incident.of.filter((one) => !sent.alerts.includes(one));
        answer = { ...incident, id: `i-split-${incidents.length}`, title: "Split off", outage: null, of: sent.alerts, state: "open", acknowledged_by: null };
        incidents.push(answer);
      }
      acted.push({ incident: incident.id, entry: entry(Date.now(), "person", verb, incident.title, { actor: "local" }) });
      tell("incident");
      return json(incidentView(answer));
    }
    case "silences": {
      if (id === "preview") {
        const { matchers } = JSON.parse(body);
        return json({ now: hidden(openOnes().filter((one) => fits(one, matchers))), past: hidden(alerts.filter((one) => fits(one, matchers))) });
      }
      if (request.method === "POST") {
        const draft = JSON.parse(body);
        if (draft.id) silences.splice(silences.findIndex((one) => one.id === draft.id), 1);
        const made = { annotations: {}, recurrence: [], until_resolved: false, starts_at: iso(Date.now()), ...draft, id: `7a9e0c11-0000-4000-8000-${String(silences.length + 10).padStart(12, "0")}`, state: "active", updated_at: iso(Date.now()), created_by: "local" };
        silences.push(made);
        tell("silence");
        return json(silenceView(made));
      }
      if (request.method === "DELETE") {
        const found = silences.find((one) => one.id === id);
        Object.assign(found, { state: "expired", ends_at: iso(Date.now()) });
        tell("silence");
        return json(silenceView(found));
      }
      return json(list(silences.map(silenceView), url));
    }
    case "routes": {
      if (!id) return json(routing());
      const sent = JSON.parse(body);
      if (sent.labels) {
        const isData = sent.labels.team === "data";
        return json({ path: [{ place: "route.routes[0]", receiver: "data", is_match: isData, detail: isData ? "" : `team="data" does not hold: team is ${JSON.stringify(sent.labels.team ?? "")}` }, { place: "route", receiver: "oncall", is_match: !isData, detail: "" }], receivers: [{ receiver: isData ? "data" : "oncall", place: isData ? "route.routes[0]" : "route", group_by: ["alertname"], muted_by: isData ? ["nights"] : [] }], silenced_by: [], inhibited_by: [] });
      }
      if (!/receiver/.test(sent.config)) return json({ code: "bad_request", message: "1:1: route: receiver is missing" }, 400);
      const [one] = alerts;
      return json({ alerts: alerts.length, changed: 1, receivers: [{ receiver: "oncall", before: alerts.length, after: alerts.length - 1 }, { receiver: "data", before: 0, after: 1 }], moved: [{ id: one.id, name: one.name, severity: one.severity, labels: one.labels, before: ["oncall"], after: ["data"] }] });
    }
    case "receivers":
      if (verb === "test") return json({ results: receivers.find((one) => one.name === id).channels.map((one) => ({ channel: one.channel, index: 0, is_taken: one.failed === 0, stage: "answer", detail: one.failed ? "503 Service Unavailable" : "202 Accepted", stages: [{ stage: "render", is_ok: true, took_ms: 0 }, { stage: "answer", is_ok: one.failed === 0, took_ms: 42 }] })) });
      return json(list(receivers, url));
    case "replay": {
      const sent = JSON.parse(body);
      const message = { at: sent.from, channel: "pagerduty", index: 0, group_key: "{}", group_labels: { alertname: "HighCpu" }, reason: "new", transition: "firing", alerts: [{ id: alerts[0].id, name: "HighCpu", severity: "critical", transition: "firing" }] };
      const changed = Boolean(sent.alerting);
      return json({ from: sent.from, to: sent.to, events: 812, then: 3, now: changed ? 2 : 3, notes: [], receivers: [{ receiver: "oncall", then: 3, now: changed ? 2 : 3, same: 2, added_total: 0, removed_total: changed ? 1 : 0, changed_total: 0, added: [], removed: changed ? [message] : [], changed: [] }] });
    }
    case "sources": return id ? json(detail(id)) : json(list(sources(), url));
    case "resources": return json(list(resources, url));
    case "deliveries": return json(list(deliveries, url));
    case "coverage": return json(list(coverage, url));
    case "overview": return json(overview());
    case "why": return json(list(why(url.searchParams.get("alert")), url));
    case "lever":
      if (request.method === "PUT") {
        Object.assign(lever, JSON.parse(body), { set_by: "local", set_at: iso(Date.now()) });
        tell("lever");
      }
      return json(lever);
    case "runbooks": {
      if (!verb) return json(list(proposals, url));
      const proposal = proposals.find((one) => one.id === id);
      const sent = JSON.parse(body);
      if (sent.hash !== proposal?.hash) return json({ code: "conflict", message: "the proposal changed since you read it" }, 409);
      Object.assign(proposal, { state: verb === "approve" ? "sent" : "denied", decided_by: "local", decided_at: iso(Date.now()), comment: sent.comment ?? null });
      tell("runbook");
      return json(proposal);
    }
    case "sql": {
      const { statement } = JSON.parse(body);
      if (!/^select/i.test(statement)) return json({ code: "bad_request", message: "sql parser error: Expected: an SQL statement, found: SELEC at Line: 1, Column: 1" }, 400);
      return json({ columns: [{ name: "cloud_provider", type: "Utf8" }, { name: "avg(metrics.value)", type: "Float64" }], rows: [["aws", 0.4312], ["azure", 0.3987], ["onprem", 0.512]] });
    }
    case "events":
      response.writeHead(200, { ...HEADERS, "content-type": "text/event-stream" });
      response.write(": hello\n\n");
      streams.add(response);
      request.on("close", () => streams.delete(response));
      return undefined;
    case "mock-new":
      alerts.push(alert("NewHere", ["aws", "123456789012", "us-east-1", "compute.instance", `i-new-${alerts.length}`, `new-${alerts.length}`, "checkout"], { starts_at: iso(Date.now()) }));
      tell("alert");
      return json({});
    default: return json({ code: "not_found", message: `there is nothing at ${url.pathname}` }, 404);
  }
}

createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://mock");
  if (url.pathname === "/-/ready") return void response.writeHead(200, HEADERS).end("Isobar is ready.\n");
  if (url.pathname.startsWith("/api/")) return void api(url, request, response);
  const path = PAGES.includes(url.pathname) ? "/index.html" : normalize(url.pathname);
  try {
    const file = readFileSync(join(DIST, path));
    response.writeHead(200, { ...HEADERS, "content-type": TYPES[extname(path)] ?? "application/octet-stream" });
    response.end(file);
  } catch {
    response.writeHead(404, HEADERS).end();
  }
}).listen(Number(process.argv[2] ?? 0), "127.0.0.1", function () {
  process.stdout.write(`http://127.0.0.1:${this.address().port}\n`);
});
