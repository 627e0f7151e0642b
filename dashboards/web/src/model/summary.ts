/** How much is open, whether all of it was read or the server counted it. Pure. */
import type { Alerts } from "../api/rows";
import type { FacetCount } from "../api/centre";
import type { Alert } from "../api/shapes";
import { isHeld } from "./row";
import { markOfAlert, MARKS, worst, type Mark } from "./severity";

export interface Summary {
  /** Told or to be told: firing or without data. */
  open: number;
  critical: number;
  worst: Mark;
  /** Of these, what nothing holds and is more than information. */
  loud: number;
  loudCritical: number;
}

type Marks = ReadonlyMap<Mark, number>;

const isMark = (value: string): value is Mark => (MARKS as readonly string[]).includes(value);
const counted = (facet: readonly FacetCount[]): Marks => new Map(facet.flatMap(({ value, count }) => (isMark(value) ? [[value, count] as const] : [])));

function countedIn(alerts: readonly Alert[]): Marks {
  const marks = new Map<Mark, number>();
  for (const mark of alerts.map(markOfAlert)) marks.set(mark, (marks.get(mark) ?? 0) + 1);
  return marks;
}

const sum = (marks: Marks): number => [...marks.values()].reduce((total, count) => total + count, 0);

/** Whether people can do something about it: it is firing or without data. */
export const isActable = (alert: Pick<Alert, "state">): boolean => alert.state === "firing" || alert.state === "no_data";

export function summaryOf({ items, counted: counts }: Alerts): Summary {
  const standing = items.filter(isActable);
  const open = counts ? counted(counts.open) : countedIn(standing);
  const loud = counts ? counted(counts.loud) : countedIn(standing.filter((alert) => !isHeld(alert)));
  return {
    open: sum(open),
    critical: open.get("critical") ?? 0,
    worst: worst([...open].flatMap(([mark, count]) => (count > 0 ? [mark] : []))),
    loud: sum(loud) - (loud.get("info") ?? 0),
    loudCritical: loud.get("critical") ?? 0,
  };
}
