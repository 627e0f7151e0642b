/** How much is open, whether all of it was read or the server counted it. Pure. */
import type { Alerts } from "../api/rows";
import type { FacetCount } from "../api/centre";
import { markOfAlert, worst, type Mark } from "./severity";

export interface Summary {
  /** Told or to be told: firing or without data. */
  open: number;
  critical: number;
  worst: Mark;
}

const countIn = (facet: readonly FacetCount[] | undefined, value: string): number => facet?.find((one) => one.value === value)?.count ?? 0;

export function summaryOf({ items, isWhole, facets }: Alerts): Summary {
  const open = items.filter((alert) => alert.state === "firing" || alert.state === "no_data");
  const mark = worst(open.map(markOfAlert));
  if (isWhole) return { open: open.length, critical: open.filter((alert) => markOfAlert(alert) === "critical").length, worst: mark };
  const states = facets["state"];
  return { open: countIn(states, "firing") + countIn(states, "no_data"), critical: countIn(facets["severity"], "critical"), worst: mark };
}
