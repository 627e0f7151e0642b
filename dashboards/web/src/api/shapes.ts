/** What comes over the wire, under the names the page uses. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Cost = Schemas["CostView"];
export type Source = Schemas["SourceView"];
export type SourceDetail = Schemas["SourceDetail"];
export type Freshness = Schemas["Freshness"];
export type Coverage = Schemas["CoverageView"];
export type Overview = Schemas["OverviewView"];
export type MatrixCell = Schemas["Cell"];
export type Resource = Schemas["ResourceView"];
export type WhyStep = Schemas["WhyStep"];

export type Alert = Schemas["AlertView"];
export type Severity = Schemas["Severity"];
export type Delivery = Schemas["DeliveryView"];

export type Proposal = Schemas["ProposalView"];
export type Lever = Schemas["LeverView"];

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
