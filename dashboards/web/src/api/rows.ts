/** Alerts as rows, joined with what the inventory knows of their resources. */
import { useMemo } from "react";

import { rowWith, type Row } from "../model/row";
import { paths, type Alert, type Resource } from "./shapes";
import { useList, useReading, type Reading } from "./store";

/** Names and services change seldom. */
const INVENTORY_MS = 300_000;

/** Whether an alert says by itself whose its resource is. */
function isNamed(alert: Alert): boolean {
  return alert.resource === null || ("resource_name" in alert.labels && "service_name" in alert.labels);
}

/** All alerts. The inventory is read only when one of them does not say enough. */
export function useAlertRows(): { alerts: Reading<{ items: Alert[]; total: number }>; rows: Row[] } {
  const alerts = useList<Alert>(paths.alerts);
  const needsInventory = alerts.data?.items.some((alert) => alert.state !== "resolved" && !isNamed(alert)) ?? false;
  const inventory = useReading<{ items: Resource[] }>(needsInventory ? paths.resources : null, { list: true, every: INVENTORY_MS });
  const rows = useMemo(() => {
    const known = new Map((inventory.data?.items ?? []).map((resource) => [resource.id, resource]));
    return (alerts.data?.items ?? []).map((alert) => rowWith(alert, alert.resource === null ? undefined : known.get(alert.resource)));
  }, [alerts.data, inventory.data]);
  return { alerts, rows };
}
