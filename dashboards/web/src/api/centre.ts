/**
 * The part of the native API under `/api/isobar/v1/` that the alert centre's pages speak. Times are RFC 3339, durations seconds,
 * refusals `{code, message}` as everywhere; what changes something needs the scope `write`, a preview and a replay only `read`.
 */
import type { Alert, Severity } from "./shapes";

/* ---- GET alerts?q=&state=&sort=&facets=&limit=&after= --------------------------------------------------------------------
 * q       the filter language of docs/web.md: `key op value` chips and words. `@severity` is the page's mark: `critical`, `high`
 *         (the wire's `error`), `warning`, `info`, `nodata` (state no_data), `ok` (resolved); `@owner` is who has it, `nobody`
 *         else; `@held` is `yes` where anything of silenced_by, inhibited_by, muted_by, snoozed_until stands, `@acknowledged` where
 *         somebody has taken it, `@flapping` where it is; `@incident` is the id of its incident.
 * state   `open` (all but resolved) or `all`, which is what is listed without it.
 * sort    `severity` (the marks in the order critical, high, nodata, unknown, warning, info, ok, then the newest), `name`,
 *         `where`, `since`, `value`; with `-` the other way round. By id without it.
 * facets  names by commas, of the fields of the filter language: `facets` of the answer has the 50 most frequent values of each,
 *         a facet's own `=` and `!=` chips not counted, so that a choice can be widened. */
export interface AlertList {
  items: Alert[];
  total: number;
  next: string | null;
  facets?: Record<string, FacetCount[]>;
}
export interface FacetCount {
  value: string;
  count: number;
}

/* ---- POST alerts/acts ---------------------------------------------------------------------------------------------------- */
export const ACTS = ["acknowledge", "unacknowledge", "assign", "comment", "snooze", "unsnooze"] as const;
export type Act = (typeof ACTS)[number];
/** On alerts by id, or on all open ones that a filter lets through; `expected` refuses with 409 when that are more by now. */
export interface ActRequest {
  ids?: string[];
  q?: string;
  expected?: number;
  act: Act;
  /** Of `assign`: who; empty takes it back. */
  to?: string;
  /** Of `snooze`. */
  until?: string;
  /** What is said; the text of a comment. */
  note?: string;
}
/** `ids` are all that were open and meant: what a taking back is about. */
export interface ActAnswer {
  affected: number;
  ids: string[];
}

/* ---- silences: GET list · POST · DELETE silences/{id} · POST silences/preview --------------------------------------------- */
export interface WireMatcher {
  name: string;
  value: string;
  is_regex: boolean;
  is_equal: boolean;
}
/** Alertmanager's time interval: `weekdays: ["monday:friday"]`, `times: [{start_time: "02:00", end_time: "04:00"}]`. */
export interface Period {
  times?: { start_time: string; end_time: string }[];
  weekdays?: string[];
  days_of_month?: string[];
  months?: string[];
  years?: string[];
  location?: string;
}
export interface Silence {
  id: string;
  state: "pending" | "active" | "expired";
  matchers: WireMatcher[];
  starts_at: string;
  ends_at: string;
  updated_at: string;
  created_by: string;
  comment: string;
  recurrence: Period[];
  until_resolved: boolean;
  /** Open alerts it holds now. */
  hides: number;
}
/** With an id it replaces that one. It begins at once without `starts_at`. */
export interface SilenceDraft {
  id?: string;
  matchers: WireMatcher[];
  starts_at?: string;
  ends_at: string;
  comment: string;
  recurrence?: Period[];
  until_resolved?: boolean;
}
/** What matchers would hide: alerts that are open, and those that began in the last 24 h. `names` are the 10 most frequent. */
export interface SilencePreview {
  now: Hidden;
  past: Hidden;
}
export interface Hidden {
  total: number;
  critical: number;
  names: { name: string; count: number }[];
}

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

/* ---- routes: GET routes · POST routes/preview ----------------------------------------------------------------------------- */
export interface Routing {
  route: RouteNode;
  /** The configuration in force as YAML, secrets as `<secret>`. */
  config: string;
}
export interface RouteNode {
  /** Where it stands: `route`, `route.routes[0]` … */
  place: string;
  receiver: string;
  matchers: string[];
  group_by: string[];
  group_wait: number;
  group_interval: number;
  repeat_interval: number;
  continue: boolean;
  mute_intervals: string[];
  active_intervals: string[];
  /** Open alerts that end here. */
  alerts: number;
  routes: RouteNode[];
}
/** With `labels`: who would get an alert that has them. */
export interface WhoAnswer {
  /** Every node that was asked, in order. */
  path: { place: string; receiver: string; is_match: boolean; detail: string }[];
  receivers: { receiver: string; place: string; group_by: string[]; muted_by: string[] }[];
  silenced_by: string[];
  inhibited_by: string[];
}
/** With `config`, YAML: what of the alerts of the last `hours`, 24 at most, would go elsewhere. 400 with the complaints where it is wrong. */
export interface ChangedAnswer {
  alerts: number;
  changed: number;
  receivers: { receiver: string; before: number; after: number }[];
  /** The first 200. */
  moved: { id: string; name: string; severity: Severity; labels: Record<string, string>; before: string[]; after: string[] }[];
}

/* ---- receivers: GET list · POST receivers/{name}/test ---------------------------------------------------------------------- */
export interface Receiver {
  name: string;
  channels: ReceiverChannel[];
  /** Routes that end at it; none means nobody is ever told there. */
  routes: number;
}
export interface ReceiverChannel {
  channel: string;
  index: number;
  queued: number;
  failed: number;
  dead: number;
  sent_last_hour: number;
  last_sent_at: string | null;
  last_error: string | null;
}
export interface TestAnswer {
  results: { channel: string; index: number; is_taken: boolean; stage: string; detail: string }[];
}

/* ---- POST replay ------------------------------------------------------------------------------------------------------------ */
export interface ReplayRequest {
  from: string;
  to: string;
  alerting?: string;
  policies?: string;
}
export interface Replay {
  from: string;
  to: string;
  events: number;
  then: number;
  now: number;
  receivers: ReplayReceiver[];
  notes: string[];
}
export interface ReplayReceiver {
  receiver: string;
  then: number;
  now: number;
  same: number;
  added_total: number;
  removed_total: number;
  changed_total: number;
  added: ReplayMessage[];
  removed: ReplayMessage[];
  changed: { then: ReplayMessage; now: ReplayMessage }[];
}
export interface ReplayMessage {
  at: string;
  channel: string;
  index: number;
  group_key: string;
  group_labels: Record<string, string>;
  reason: string;
  transition: string;
  alerts: { id: string; name: string; severity: Severity; transition: string }[];
}

/* ---- What an alert says of how it is handled. -------------------------------------------------------------------------------- */
export interface Handled {
  assigned_to?: string | null;
  snoozed_until?: string | null;
  muted_by?: string[];
  flapping?: boolean;
  /** Where its sender shows it. */
  generator_url?: string | null;
  comments?: { at: string; by: string; text: string }[];
}

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
