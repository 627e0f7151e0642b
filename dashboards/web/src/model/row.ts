/** An alert as the page handles it: its texts read once, for filtering, sorting and showing. */
import type { Alert, Resource } from "../api/shapes";
import { partsOf } from "./provider";
import { markOfAlert, markOfSeverity, rank, type Mark } from "./severity";

export interface Row {
  id: string;
  alert: Alert;
  mark: Mark;
  /** The severity behind a no-data or resolved mark. */
  severity: Mark;
  startsAt: number;
  endsAt: number | null;
  provider: string;
  account: string;
  region: string;
  /** The name people know the resource by, else its native id, else empty. */
  resource: string;
  service: string;
  /** The same as far as the alert itself says them: what a filter asks for, here as at the server. */
  own: { resource: string; service: string };
  /** Who has taken it, else whom it was given to. */
  owner: string | null;
  isHeld: boolean;
}

export function rowOf(alert: Alert): Row {
  return rowWith(alert, undefined);
}

/** The row of an alert and its resource, for what its own labels do not say: it may have begun before the inventory came. */
export function rowWith(alert: Alert, known: Pick<Resource, "name" | "service"> | undefined): Row {
  const parts = partsOf(alert.resource);
  const labels = alert.labels;
  const own = {
    resource: labels["resource_name"] ?? shortNative(parts?.native) ?? labels["instance"] ?? "",
    service: labels["service_name"] ?? labels["service"] ?? "",
  };
  return {
    id: alert.id,
    alert,
    mark: markOfAlert(alert),
    severity: markOfSeverity(alert.severity),
    startsAt: Date.parse(alert.starts_at),
    endsAt: alert.ends_at ? Date.parse(alert.ends_at) : null,
    provider: parts?.provider ?? labels["cloud_provider"] ?? "",
    account: parts?.account ?? labels["cloud_account_id"] ?? "",
    region: parts?.region ?? labels["cloud_region"] ?? "",
    resource: labels["resource_name"] ?? (known?.name || own.resource),
    service: own.service || (known?.service ?? ""),
    own,
    owner: alert.acknowledged_by ?? (alert.assigned_to || null),
    isHeld: isHeld(alert),
  };
}

/** Whether anything keeps it from being told. */
export function isHeld(alert: Alert): boolean {
  return alert.silenced_by.length > 0 || alert.inhibited_by.length > 0 || alert.muted_by.length > 0 || alert.snoozed_until !== null;
}

/** ARM ids and ARNs say their name last. */
function shortNative(native: string | undefined): string | undefined {
  if (!native?.includes("/")) return native;
  return native.slice(native.lastIndexOf("/") + 1) || native;
}

export const isOpen = (row: Row): boolean => row.alert.state !== "resolved";

/** Worst first, then the newest. */
export function bySeverity(a: Row, b: Row): number {
  return rank(a.mark) - rank(b.mark) || b.startsAt - a.startsAt || a.id.localeCompare(b.id);
}

export type SortKey = "severity" | "name" | "where" | "since" | "value";
export interface Sort {
  key: SortKey;
  descending: boolean;
}

export function comparator({ key, descending }: Sort): (a: Row, b: Row) => number {
  const sign = descending ? -1 : 1;
  const compare: Record<SortKey, (a: Row, b: Row) => number> = {
    severity: bySeverity,
    name: (a, b) => a.alert.name.localeCompare(b.alert.name),
    where: (a, b) => `${a.provider}/${a.account}/${a.region}/${a.resource}`.localeCompare(`${b.provider}/${b.account}/${b.region}/${b.resource}`),
    since: (a, b) => b.startsAt - a.startsAt,
    // What has no value comes last either way.
    value: (a, b) => (a.alert.value ?? Infinity * sign) - (b.alert.value ?? Infinity * sign),
  };
  return (a, b) => sign * compare[key](a, b) || bySeverity(a, b);
}

/** Reads `-since`; what is not known sorts by severity. */
export function readSort(text: string | undefined): Sort {
  const descending = text?.startsWith("-") ?? false;
  const key = (text ?? "").replace(/^-/, "");
  const known: readonly string[] = ["severity", "name", "where", "since", "value"];
  return known.includes(key) ? { key: key as SortKey, descending } : { key: "severity", descending: false };
}

export function writeSort({ key, descending }: Sort): string | null {
  return key === "severity" && !descending ? null : `${descending ? "-" : ""}${key}`;
}
