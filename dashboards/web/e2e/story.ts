/** The story of centre.e2e.ts, told to a real Isobar by Alertmanager's API: the mock tells the same. */

const MINUTE = 60_000;

/** Two receivers that take what they are sent, and one that refuses. */
export function storyConfig(target: string): string {
  return `
security: {allow_private_targets: ["127.0.0.0/8"]}
sources:
  - {name: "lab", kind: prometheus, interval: 1s, settings: {targets: ["${target}/metrics"]}}
alerting:
  route:
    receiver: oncall
    group_by: [alertname]
    group_wait: 0s
    group_interval: 1s
    repeat_interval: 1h
    routes:
      - {matchers: ['team="data"'], receiver: data}
  receivers:
    - {name: oncall, webhook_configs: [{url: "${target}/hook", rate_limit: {messages: 1000, per: 1s}}]}
    - {name: data, webhook_configs: [{url: "${target}/hook"}]}
    - {name: itsm, webhook_configs: [{url: "${target}/refuse"}]}
`;
}

interface Posted {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
}

function posted(name: string, severity: string, place: [provider: string, account: string, region: string, type: string], native: string, service: string, now: number): Posted {
  const [provider, account, region] = place;
  const labels = { alertname: name, severity, resource_id: [...place, native].join(":"), resource_name: native, cloud_provider: provider, cloud_account_id: account, cloud_region: region, service_name: service, team: "platform" };
  return { labels: Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== "")), annotations: { summary: `${name} on ${native}` }, startsAt: new Date(now - 2 * MINUTE).toISOString(), endsAt: new Date(now + 60 * MINUTE).toISOString() };
}

const REGION: [string, string, string, string] = ["aws", "123456789012", "us-east-1", "compute.instance"];
const ROOM: [string, string, string, string] = ["onprem", "", "", "host"];

async function post(url: string, json: unknown): Promise<void> {
  const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(json) });
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}: ${await answer.text()}`);
}

const api = (url: string, alerts: Posted[]): Promise<void> => post(`${url}/api/v2/alerts`, alerts);

/** Six machines of one service in one region, and three alerts of other places; how many alerts that are. */
export async function tellStory(url: string): Promise<number> {
  const now = Date.now();
  const machines = Array.from({ length: 6 }, (_, index) => posted("HighCpu", "critical", REGION, `i-0a1b2c3d4e5f6000${index}`, "checkout", now));
  const others = [
    posted("DiskWillFill", "warning", ROOM, "rack1-search-01:9100", "search", now),
    posted("AgentSilent", "warning", ROOM, "rack2-batch-03:9100", "batch", now),
    posted("QuotaNear", "info", ["azure", "11111111-2222-3333-4444-555555555555", "eastus", "lb.application"], "shop-lb", "shop", now),
  ];
  await api(url, [...machines, ...others]);
  return machines.length + others.length;
}

/** What is to stand once the alerts do. */
export function tellSilence(url: string): Promise<void> {
  const matchers = [{ name: "alertname", value: "QuotaNear", is_regex: false, is_equal: true }];
  return post(`${url}/api/isobar/v1/silences`, { matchers, ends_at: new Date(Date.now() + 180 * MINUTE).toISOString(), comment: "quota is being raised", annotations: { ticket: "OPS-7" } });
}

let more = 0;

/** One more machine goes down. */
export function tellMore(url: string): Promise<void> {
  more += 1;
  return api(url, [posted("NewHere", "critical", REGION, `i-new-${more}`, "checkout", Date.now())]);
}
