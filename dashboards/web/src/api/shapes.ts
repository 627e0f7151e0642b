/** What comes over the wire, under the names the page uses. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Cost = Schemas["CostView"];
export type Source = Schemas["SourceView"];
export type Resource = Schemas["ResourceView"];
export type WhyStep = Schemas["WhyStep"];

export interface SourcePart {
  key: string;
  state: "up" | "degraded" | "down" | "disabled";
  reason: string | null;
  last_success: string | null;
  watermark: string | null;
  lag_seconds: number | null;
  samples_last_cycle: number;
  next_at: string | null;
}

export type Freshness = "full" | "partial" | "none" | "unknown";

export interface SourceDetail extends Source {
  parts?: SourcePart[];
  coverage?: { mapped: number; unmapped: number } | null;
  freshness?: Freshness[];
  calls?: { what: string; calls: number; billed: number; unit_price: number | null }[];
}

export interface NativeState {
  source: string;
  id: string;
  state: string;
  severity: string;
  since: string | null;
  url: string | null;
}

export interface Threshold {
  level: string;
  operator: string;
  value: number;
  unit: string | null;
}

/** What the description has no field for may be absent: servers differ in age. */
export type Alert = Schemas["AlertView"] & {
  native?: NativeState[];
  proposals?: string[];
  threshold?: Threshold | null;
  expression?: string | null;
};

export type Delivery = Schemas["DeliveryView"] & { next_at?: string | null; alerts?: string[] };

export interface Coverage {
  provider: string;
  namespace: string;
  metric: string;
  statistic: string;
  canonical: string | null;
  unit: string | null;
  resources: number;
  sources: string[];
}

export interface Proposal {
  id: string;
  runbook: string;
  state: "proposed" | "approved" | "denied" | "expired" | "refused" | "sent" | "failed";
  hash: string;
  alert: { id: string; name: string; severity: string; resource: string | null };
  evidence: { kind: string; detail: string; at: string | null; verified: boolean }[];
  target: { url: string; method: string };
  reason: string | null;
  created_at: string;
  expires_at: string;
  decided_by: string | null;
  decided_at: string | null;
  comment: string | null;
  delivery: string | null;
}

export interface Lever {
  position: "off" | "propose";
  set_by: string | null;
  set_at: string | null;
  reason: string | null;
}

export interface MatrixCell {
  source: string;
  provider: string;
  region: string;
  severity: string | null;
  alerts: number;
  state: "ok" | "nodata" | "stale" | "unknown";
  lag_seconds: number | null;
  reason: string | null;
}

export interface Overview {
  sentence: { state: "quiet" | "degraded" | "down" | "blind" | "starting"; provider?: string | null; region?: string | null; alerts?: number; resources?: number; since?: string | null };
  matrix: MatrixCell[];
  counts: Record<string, number>;
  sources: { up: number; degraded: number; down: number };
  deliveries: { queued: number; failed: number; dead: number; sent_last_hour: number; last_sent_at: string | null };
  cost: Cost | null;
}

/** The addresses of the native API. */
export const paths = {
  alerts: "/api/isobar/v1/alerts",
  coverage: "/api/isobar/v1/coverage",
  deliveries: "/api/isobar/v1/deliveries",
  lever: "/api/isobar/v1/lever",
  overview: "/api/isobar/v1/overview",
  resources: "/api/isobar/v1/resources",
  runbooks: "/api/isobar/v1/runbooks",
  source: (name: string) => `/api/isobar/v1/sources/${encodeURIComponent(name)}`,
  sources: "/api/isobar/v1/sources",
  sql: "/api/isobar/v1/sql",
  why: (alert: string) => `/api/isobar/v1/why?alert=${encodeURIComponent(alert)}`,
} as const;
