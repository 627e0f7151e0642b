/** Incidents as the page handles them. Pure. */
import type { Entry, Incident } from "../api/centre";
import { markOfSeverity, rank, type Mark } from "./severity";

export function markOfIncident(incident: Pick<Incident, "state" | "severity">): Mark {
  return incident.state === "resolved" ? "ok" : markOfSeverity(incident.severity);
}

export const INCIDENT_VIEWS = ["open", "unowned", "closed"] as const;
export type IncidentView = (typeof INCIDENT_VIEWS)[number];

/** Open ones by severity, provider's outages before others of the same; closed ones by their end, the latest first. */
export function incidentsIn(view: IncidentView, incidents: readonly Incident[], q = ""): Incident[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = incidents.filter((incident) => {
    if ((incident.state === "resolved") !== (view === "closed")) return false;
    if (view === "unowned" && incident.acknowledged_by !== null) return false;
    const text = [incident.id, incident.title, incident.reason, incident.cell?.provider, incident.cell?.region, incident.cell?.zone, incident.cell?.service, incident.acknowledged_by].join("\n").toLowerCase();
    return words.every((word) => text.includes(word));
  });
  if (view === "closed") return chosen.sort((a, b) => (b.ends_at ?? "").localeCompare(a.ends_at ?? "") || a.id.localeCompare(b.id));
  const outage = (incident: Incident): number => (incident.outage && incident.outage.ended_at === null ? 0 : 1);
  return chosen.sort((a, b) => rank(markOfIncident(a)) - rank(markOfIncident(b)) || outage(a) - outage(b) || a.starts_at.localeCompare(b.starts_at) || a.id.localeCompare(b.id));
}

export interface Lane {
  kind: Entry["kind"];
  /** A mark for each place something happened at, several in one place together. */
  marks: { x: number; at: number; entries: Entry[] }[];
}

export interface Picture {
  from: number;
  to: number;
  /** Alerts that began, by equal slices of the time. */
  bars: number[];
  lanes: Lane[];
  ticks: number[];
}

const BARS = 60;
/** Marks nearer than this share of the width are one. */
const NEAR = 0.012;
/** What was before the first alert is in the picture too. */
const LEAD = 0.08;

const STEPS = [10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 43_200, 86_400, 604_800].map((seconds) => seconds * 1000);

/** Round times inside a span, at most seven. */
export function ticksOf(from: number, to: number): number[] {
  const step = STEPS.find((one) => (to - from) / one <= 7) ?? (to - from) / 7;
  const ticks: number[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) ticks.push(at);
  return ticks;
}

/** The time of an incident as a picture; x runs from 0 to 1. */
export function pictureOf(entries: readonly Entry[], startsAt: number, endsAt: number): Picture {
  const times = entries.map((entry) => Date.parse(entry.at));
  const first = Math.min(startsAt, ...times);
  const to = Math.max(endsAt, ...times, first + 60_000);
  const from = first - (to - first) * LEAD;
  const x = (at: number): number => (at - from) / (to - from);
  const bars = Array.from({ length: BARS }, () => 0);
  const byKind = new Map<Entry["kind"], Lane["marks"]>();
  for (const entry of [...entries].sort((a, b) => a.at.localeCompare(b.at))) {
    const at = Date.parse(entry.at);
    if (entry.kind === "alert") {
      const bar = Math.min(BARS - 1, Math.floor(x(at) * BARS));
      if (entry.what !== "resolved") bars[bar] = (bars[bar] ?? 0) + 1;
      continue;
    }
    const marks = byKind.get(entry.kind) ?? [];
    byKind.set(entry.kind, marks);
    const last = marks[marks.length - 1];
    if (last && x(at) - last.x < NEAR) last.entries.push(entry);
    else marks.push({ x: x(at), at, entries: [entry] });
  }
  const lanes = (["notice", "incident", "person", "delivery"] as const).flatMap((kind) => {
    const marks = byKind.get(kind);
    return marks ? [{ kind, marks }] : [];
  });
  return { from, to, bars, lanes, ticks: ticksOf(from, to) };
}
