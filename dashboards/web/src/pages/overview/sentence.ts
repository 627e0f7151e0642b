/** The first sentence of the page: what is wrong, since when, who has it. Pure. */
import type { Incident, Outage } from "../../api/centre";
import type { Overview, Source } from "../../api/shapes";
import type { Params } from "../../i18n/message";
import type { Key } from "../../i18n/text";
import { groupsOf, type Group } from "../../model/ground";
import { markOfIncident } from "../../model/incident";
import { providerName } from "../../model/provider";
import type { Row } from "../../model/row";
import { rank, worst, type Mark } from "../../model/severity";
import type { Summary } from "../../model/summary";

export interface Said {
  key: Key;
  params: Params;
}

export interface Sentence {
  mark: Mark;
  parts: Said[];
  /** Shown in the colour of high: somebody should take it. */
  unowned: Said | null;
  since: number | null;
  /** What the open alerts have in common: whose fault it looks like. */
  ground: Said | null;
  notObserved: string[];
}

interface Seen {
  rows: readonly Row[];
  sources: readonly Source[];
  overview: Overview | null;
  /** Open incidents; empty where the server knows none. */
  incidents?: readonly Incident[];
  /** How much is open, where the rows are a part of it. */
  summary?: Summary | null;
}

/** What a group shares, in words: its service, its zone, its region, its provider; null when it shares none. */
export function groundOf(common: Group["common"], providers: readonly string[]): Said | null {
  const where = common.zone ?? common.region;
  const place = common.provider ? [providerName(common.provider), where ?? ""].join(" ").trim() : null;
  if (common.service && place) return { key: "ground.servicePlace", params: { service: common.service, place } };
  if (common.service) return { key: "ground.service", params: { service: common.service, n: providers.length } };
  return place ? { key: "ground.place", params: { place } } : null;
}

const OUT = { confirmed: "state.outage.confirmed", suspected: "state.outage.suspected" } as const;
const FAULTS = { provider: "fault.provider", uplink: "fault.uplink"} as const;

/** The worst that is out now, where incidents come the worst first. */
export function outageIn(incidents: readonly Incident[]): (Incident & { outage: Outage }) | undefined {
  return incidents.find((incident): incident is Incident & { outage: Outage } => incident.outage !== null && incident.outage.ended_at === null);
}

/** What is out, as people name it. */
function placeOf({ cell, title }: Incident): string {
  return cell ? [providerName(cell.provider), cell.region, cell.zone, cell.service].filter(Boolean).join(" ") : title;
}

const openOf = (a: number, c: number): Said => (c > 0 ? { key: "state.openCritical", params: { a, c } } : { key: "state.open", params: { a } });

export function sentenceOf({ rows, sources, overview, incidents = [], summary = null }: Seen): Sentence {
  const active = sources.filter((source) => source.state !== "disabled");
  const dark = active.filter((source) => source.state === "down");
  const seen = active.length - dark.length;
  const notObserved = dark.map((source) => source.name);
  const loud = rows.filter((row) => row.alert.state !== "pending" && !row.isHeld);
  const base: Sentence = { mark: "ok", parts: [], unowned: null, since: null, ground: null, notObserved };
  if (active.length === 0) return { ...base, mark: "unknown", parts: [{ key: "state.noSource", params: {} }] };
  if (seen === 0 || overview?.sentence.state === "blind") return { ...base, mark: "unknown", parts: [{ key: "state.blind", params: {} }] };
  if (overview?.sentence.state === "starting") return { ...base, mark: "unknown", parts: [{ key: "state.starting", params: {} }] };
  const bad = loud.filter((row) => row.mark !== "info");
  const outage = outageIn(incidents);
  if (bad.length === 0 && !outage && summary !== null && summary.loud > 0) {
    // They are counted and not here: nothing is known of them but that they are.
    return { ...base, mark: "unknown", parts: [openOf(summary.loud, summary.loudCritical)] };
  }
  if (bad.length === 0 && !outage) {
    const parts: Said[] = dark.length === 0 ? [{ key: "state.quiet", params: { n: seen } }] : [{ key: "state.quietBut", params: { n: dark.length } }];
    return { ...base, mark: dark.length === 0 ? "ok" : "nodata", parts };
  }
  const mark = worst([...bad.map((row) => row.mark), ...(outage ? [markOfIncident(outage)] : [])]);
  // One service that is bad everywhere is what it is about; else the worst decide. The rest is counted.
  // Isobar's own trouble is counted, and is the subject only where there is no other.
  const others = bad.filter((row) => row.alert.class !== "self");
  const estate = others.length > 0 ? others : bad;
  const loudest = estate.filter((row) => row.mark === worst(estate.map((one) => one.mark)));
  const isOneService = estate.every((row) => row.service !== "" && row.service === estate[0]?.service);
  const subject = isOneService ? estate : loudest;
  const merged = groupsOf(subject.map((row) => ({ ...row, alert: { ...row.alert, name: "" } })), rank)[0];
  const { common, providers } = merged ?? { common: { service: null, provider: null, region: null, zone: null }, providers: [] };
  const cell = common.service ?? (common.provider ? `${providerName(common.provider)} ${common.region ?? ""}`.trim() : null);
  const critical = bad.filter((row) => row.mark === "critical").length;
  const parts: Said[] = [];
  if (outage) parts.push({ key: OUT[outage.outage.level], params: { cell: placeOf(outage) } });
  else if (cell) parts.push({ key: mark === "critical" ? "state.trouble" : "state.degraded", params: { cell } });
  else if (providers.length > 1) parts.push({ key: "state.many", params: { n: providers.length } });
  const [a, c] = summary ? [summary.loud, summary.loudCritical] : [bad.length, critical];
  if (incidents.length > 0) parts.push({ key: "state.fold", params: { i: incidents.length, a: incidents.reduce((sum, incident) => sum + incident.open_count, 0) } });
  else parts.push(openOf(a, c));
  const nobody = incidents.length > 0 ? incidents.filter((incident) => incident.acknowledged_by === null).length : bad.filter((row) => row.owner === null).length;
  return {
    ...base,
    mark,
    parts,
    unowned: nobody > 0 ? { key: "state.unowned", params: { n: nobody } } : null,
    since: outage ? Date.parse(outage.outage.onset) : Math.min(...subject.map((row) => row.startsAt)),
    ground: outage ? { key: FAULTS[outage.outage.cause], params: { provider: providerName(outage.cell?.provider ?? "") } } : groundOf(common, providers),
  };
}
