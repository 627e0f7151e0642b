/** What the alert centre's pages say and hear over the wire, under the names the page uses, and its addresses below `/api/isobar/v1/`. */
import type { components } from "./schema";
import type { Severity } from "./shapes";

type Schemas = components["schemas"];

export type AlertList = Schemas["AlertList"];
export type FacetCount = Schemas["FacetCount"];
export type Act = Schemas["ActWord"];
export type ActRequest = Schemas["ActRequest"];
export type ActAnswer = Schemas["ActAnswer"];

/** The server writes every field; only who sends one may leave the signs out. */
export type WireMatcher = Required<Schemas["MatcherView"]>;
/** Alertmanager's time interval: `weekdays: ["monday:friday"]`, `times: [{start_time: "02:00", end_time: "04:00"}]`. The description leaves it to that grammar. */
export interface Period {
  times?: { start_time: string; end_time: string }[];
  weekdays?: string[];
  days_of_month?: string[];
  months?: string[];
  years?: string[];
  location?: string;
}
export type Silence = Omit<Schemas["SilenceView"], "state" | "matchers" | "recurrence"> & { state: "pending" | "active" | "expired"; matchers: WireMatcher[]; recurrence: Period[] };
export type SilenceDraft = Omit<Schemas["SilenceRequest"], "recurrence"> & { recurrence?: Period[] };
export type SilencePreview = Schemas["SilencePreview"];
export type Hidden = Schemas["Hidden"];

/* ---- incidents: GET list?state=open|resolved|all · GET incidents/{id} · POST incidents/{id}/{acknowledge|unacknowledge|split|merge} -- */
export interface Cell {
  provider: string;
  region: string | null;
  service: string | null;
}
export interface Incident {
  id: string;
  title: string;
  state: "open" | "acknowledged" | "resolved";
  severity: Severity;
  cell: Cell | null;
  reason: string;
  /** Members, and those of them that are open. */
  alert_count: number;
  open_count: number;
  starts_at: string;
  ends_at: string | null;
  updated_at: string;
  acknowledged_by: string | null;
  merged_into: string | null;
  outage: Outage | null;
}
export interface Outage {
  cause: "provider" | "uplink" | "service";
  level: "suspected" | "confirmed";
  onset: string;
  found_at: string;
  ended_at: string | null;
  evidence: { class: string; detail: string; at: string | null }[];
  against: string[];
}
/** The first 500 members, the open and the worst first, and the latest 500 entries, oldest first. */
export interface IncidentDetail extends Incident {
  members: Member[];
  timeline: Entry[];
}
export interface Member {
  id: string;
  name: string;
  severity: Severity;
  resource: string | null;
  joined_at: string;
  left_at: string | null;
  reason: string;
  by_person: boolean;
}
export const ENTRY_KINDS = ["alert", "notice", "incident", "person", "delivery"] as const;
/** Something that happened: `what` is its verdict (firing, resolved, sent, failed, acknowledge, comment, merge …). */
export interface Entry {
  at: string;
  kind: (typeof ENTRY_KINDS)[number];
  what: string;
  /** The alert's name, the receiver, the provider. */
  subject: string;
  actor: string | null;
  detail: string;
  alert: string | null;
  delivery: string | null;
}
/** `split` takes these members into an incident of their own, which is the answer. */
export interface SplitRequest {
  alerts: string[];
}
/** `merge` takes all of another one's members; the answer is the incident that stays. */
export interface MergeRequest {
  from: string;
}

export type Routing = Schemas["RoutingView"];
export type RouteNode = Schemas["RouteView"];
export type WhoAnswer = Schemas["WhoAnswer"];
export type ChangedAnswer = Schemas["ChangedAnswer"];
export type Receiver = Schemas["ReceiverView"];
export type ReceiverChannel = Schemas["ReceiverChannel"];
export type TestAnswer = Schemas["TestAnswer"];

export type ReplayRequest = Schemas["ReplayRequest"];
export type Replay = Schemas["ReplayView"];
export type ReplayReceiver = Schemas["ReplayReceiver"];
export type ReplayMessage = Schemas["ReplayMessage"];

const BASE = "/api/isobar/v1";
const one = (list: string, id: string): string => `${BASE}/${list}/${encodeURIComponent(id)}`;

export const centre = {
  acts: `${BASE}/alerts/acts`,
  alerts: `${BASE}/alerts`,
  silences: `${BASE}/silences`,
  silence: (id: string) => one("silences", id),
  silencePreview: `${BASE}/silences/preview`,
  incidents: `${BASE}/incidents`,
  incident: (id: string) => one("incidents", id),
  incidentAct: (id: string, act: "acknowledge" | "unacknowledge" | "split" | "merge") => `${one("incidents", id)}/${act}`,
  routes: `${BASE}/routes`,
  routesPreview: `${BASE}/routes/preview`,
  receivers: `${BASE}/receivers`,
  receiverTest: (name: string) => `${one("receivers", name)}/test`,
  replay: `${BASE}/replay`,
} as const;
