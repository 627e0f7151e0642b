/** Alerts as rows, joined with what the inventory knows of their resources. */
import { useMemo } from "react";

import type { AlertList, FacetCount } from "./centre";
import { rowWith, type Row } from "../model/row";
import { request, PAGE_MAX } from "./client";
import { paths, type Alert, type Resource } from "./shapes";
import { useReading, type Reading } from "./store";

/** As many alerts are read whole, and filtered, sorted and counted here. Of more the server does that, and the page has a part. */
export const WHOLE_MAX = 5000;
/** Names and services change seldom. */
const INVENTORY_MS = 300_000;
const EVERY_MS = 15_000;

export interface Alerts {
  items: Alert[];
  /** How many there are; resolved ones count only where `items` are whole. */
  total: number;
  /** As the server counted them, where `items` are only the worst of what is told; null where they are all there are. */
  counted: Counted | null;
}

/** Open alerts by mark. */
export interface Counted {
  /** Firing and without data. */
  open: readonly FacetCount[];
  /** Of these, what nothing holds. */
  loud: readonly FacetCount[];
}

const OPEN = "@state!=pending";
/** What nothing holds: firing or without data, and told. */
const LOUD = `@held=no ${OPEN}`;
const part = (q: string, facets: string, limit: number): string => `${paths.alerts}?${new URLSearchParams({ state: "open", sort: "severity", q, facets, limit: `${limit}` })}`;
let wasMany = false;

const sumOf = (counts: readonly FacetCount[]): number => counts.reduce((sum, one) => sum + one.count, 0);

/** What is told, the worst first, and counts of everything. A facet leaves its own chips out: states count pending ones too. */
async function readWorst(signal: AbortSignal): Promise<Alerts> {
  const [open, loud] = await Promise.all([
    request<AlertList>(part(OPEN, "@state,@severity", 1), { signal }),
    request<AlertList>(part(LOUD, "@severity", PAGE_MAX), { signal }),
  ]);
  return { items: loud.items, total: sumOf(open.facets["@state"] ?? []), counted: { open: open.facets["@severity"] ?? [], loud: loud.facets["@severity"] ?? [] } };
}

/** All alerts, or where they are very many the worst of what is told and counts. */
async function readAlerts(signal: AbortSignal): Promise<Alerts> {
  if (!wasMany) {
    const items: Alert[] = [];
    for (let after: string | null = ""; after !== null; ) {
      const page: AlertList = await request(`${paths.alerts}?limit=${PAGE_MAX}${after === "" ? "" : `&after=${encodeURIComponent(after)}`}`, { signal });
      items.push(...page.items);
      after = page.next;
      wasMany = page.total > WHOLE_MAX;
      if (wasMany) break;
      if (after === null) return { items, total: page.total, counted: null };
    }
  }
  const worst = await readWorst(signal);
  // Half of what is too many is few again.
  wasMany = worst.total > WHOLE_MAX / 2;
  return worst;
}

export function useAlerts(): Reading<Alerts> {
  return useReading<Alerts>(paths.alerts, { every: EVERY_MS, live: true, read: readAlerts });
}

/** Whether an alert says by itself whose its resource is. */
function isNamed(alert: Alert): boolean {
  return alert.resource === null || ("resource_name" in alert.labels && "service_name" in alert.labels);
}

/** Alerts as rows. The inventory is read only when one of them does not say enough. */
export function useRows(alerts: readonly Alert[]): Row[] {
  const needsInventory = alerts.length <= WHOLE_MAX && alerts.some((alert) => alert.state !== "resolved" && !isNamed(alert));
  const inventory = useReading<{ items: Resource[] }>(needsInventory ? paths.resources : null, { list: true, every: INVENTORY_MS });
  return useMemo(() => {
    const known = new Map((inventory.data?.items ?? []).map((resource) => [resource.id, resource]));
    return alerts.map((alert) => rowWith(alert, alert.resource === null ? undefined : known.get(alert.resource)));
  }, [alerts, inventory.data]);
}

const NONE: Alert[] = [];

export function useAlertRows(): { alerts: Reading<Alerts>; rows: Row[] } {
  const alerts = useAlerts();
  return { alerts, rows: useRows(alerts.data?.items ?? NONE) };
}
