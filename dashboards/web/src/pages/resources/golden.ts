/** Which metrics say most about a resource. Pure. */

/** The first that a resource has of each line is shown, six lines at most; what is left is filled by name. */
const GOLDEN: readonly (readonly RegExp[])[] = [
  [/cpu[._]utilization/],
  [/memory[._]utilization/, /memory[._](usage|available)/],
  [/(http|request|lb|load_balancer).*(rate|count)/, /invocation/, /quer(y|ies)/, /messages?[._](rate|count|visible)/, /operation.*rate/],
  [/error|5xx|fail/],
  [/latency|duration|response[._]time/, /oldest|age/],
  [/connection/, /queue|depth|backlog/],
  [/network[._]io/],
  [/disk[._]io[._]rate/, /filesystem[._]utilization/, /storage/],
  [/resource[._]up/],
];
export const SHOWN_MAX = 6;

/** Names of metrics in the order they are shown. Canonical names go before a source's own. */
export function goldenOf(names: readonly string[]): string[] {
  const isCanonical = (name: string): boolean => /^(system|resource|db|http|messaging|faas|cache|lb|storage)[._]/.test(name);
  const sorted = [...new Set(names)].sort((a, b) => Number(isCanonical(b)) - Number(isCanonical(a)) || a.localeCompare(b));
  const chosen: string[] = [];
  for (const line of GOLDEN) {
    const found = line.map((pattern) => sorted.find((name) => pattern.test(name) && !chosen.includes(name))).find((name) => name !== undefined);
    if (found !== undefined && chosen.length < SHOWN_MAX) chosen.push(found);
  }
  for (const name of sorted) if (chosen.length < SHOWN_MAX && !chosen.includes(name)) chosen.push(name);
  return chosen;
}

/** The unit a name says: canonical names end in theirs when they are written for Prometheus. */
export function unitOf(name: string): string | null {
  if (/[._]ratio$|utilization$/.test(name)) return "1";
  if (/bytes_per_second$|[._]io[._]rate$/.test(name)) return "By/s";
  if (/_bytes$|memory[._](usage|limit|available)$|filesystem[._](usage|limit)$/.test(name)) return "By";
  if (/_seconds$|latency$|duration$|uptime$/.test(name)) return "s";
  return null;
}

/** Selects one metric of one resource; dots make no difference. */
export function selector(name: string, resource: string): string {
  return `{__name__=${JSON.stringify(name)}, resource_id=${JSON.stringify(resource)}}`;
}
