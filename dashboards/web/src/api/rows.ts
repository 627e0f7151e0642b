/** Alerts as rows, joined with what the inventory knows of their resources. */
import { useMemo } from "react";

import type { FacetCount } from "./centre";
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
  /** How many there are; resolved ones count only where `isWhole`. */
  total: number;
  /** Whether `items` are all there are; else they are the worst open ones. */
  isWhole: boolean;
  /** Open alerts by field, where they are not all here. */
  facets: Readonly<Record<string, FacetCount[]>>;
}

interface Page {
  items: Alert[];
  total: number;
  next: string | null;
  facets?: Record<string, FacetCount[]>;
}

const WORST = `${paths.alerts}?state=open&sort=severity&facets=state,severity,owner,held&limit=${PAGE_MAX}`;
let wasMany = false;

/** All alerts, or where they are very many the worst open ones and counts. */
async function readAlerts(signal: AbortSignal): Promise<Alerts> {
  if (!wasMany) {
    const items: Alert[] = [];
    for (let after: string | null = ""; after !== null; ) {
      const page: Page = await request(`${paths.alerts}?limit=${PAGE_MAX}${after === "" ? "" : `&after=${encodeURIComponent(after)}`}`, { signal });
      items.push(...page.items);
      after = page.next;
      wasMany = page.total > WHOLE_MAX;
      if (wasMany) break;
      if (after === null) return { items, total: page.total, isWhole: true, facets: {} };
    }
  }
  const page = await request<Page>(WORST, { signal });
  // Half of what is too many is few again.
  wasMany = page.total > WHOLE_MAX / 2;
  return { items: page.items, total: page.total, isWhole: false, facets: page.facets ?? {} };
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
