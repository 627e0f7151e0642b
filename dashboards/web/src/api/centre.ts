/** What the alert centre's pages say and hear over the wire, under the names the page uses, and its addresses below `/api/isobar/v1/`. */
import type { components } from "./schema";

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

export type Incident = Omit<Schemas["IncidentView"], "outage"> & { outage: Outage | null };
/** The description has these words as patterns. */
export type Outage = Omit<Schemas["OutageView"], "cause" | "level"> & { cause: "provider" | "uplink"; level: "suspected" | "confirmed" };
export type IncidentDetail = Omit<Schemas["IncidentDetail"], "outage" | "timeline"> & { outage: Outage | null; timeline: Entry[] };
export type Member = Schemas["MemberView"];
export const ENTRY_KINDS = ["alert", "notice", "incident", "person", "delivery"] as const;
export type Entry = Omit<Schemas["TimelineView"], "kind"> & { kind: (typeof ENTRY_KINDS)[number] };

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
