/** Alerts for tests. */
import type { Alert } from "../api/shapes";

let count = 0;

export function alert(over: Partial<Alert> = {}): Alert {
  count += 1;
  const id = over.id ?? count.toString(16).padStart(16, "0");
  return {
    id,
    fingerprint: id,
    name: "HighCpu",
    state: "firing",
    severity: "critical",
    class: "saturation",
    failure_domain: "resource",
    sources: ["policy"],
    verified: true,
    resource: `aws:411807:us-east-1:compute.instance:i-${count}`,
    labels: {},
    annotations: {},
    value: 0.97,
    starts_at: "2026-11-21T03:02:10.000Z",
    ends_at: null,
    acknowledged_by: null,
    assigned_to: null,
    comments: [],
    flapping: false,
    generator_url: null,
    muted_by: [],
    snoozed_until: null,
    silenced_by: [],
    inhibited_by: [],
    incident: null,
    expression: null,
    metric: null,
    native: [],
    threshold: null,
    proposals: [],
    ...over,
  };
}
