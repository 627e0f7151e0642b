/** How a source does, as marks. Pure. */
import type { Cost, Source } from "../api/shapes";
import { rank, type Mark } from "./severity";

/** Down is not seen, never critical by itself; degraded is warning's shape one step up: something did not come. */
export function markOfSource(source: Pick<Source, "state"> | undefined): Mark {
  switch (source?.state) {
    case "up":
      return "ok";
    case "degraded":
      return "high";
    case "down":
      return "nodata";
    default:
      return "unknown";
  }
}

export function troubleFirst(sources: readonly Source[]): Source[] {
  const order = (source: Source): number => (source.state === "disabled" ? 100 : rank(markOfSource(source)));
  return [...sources].sort((a, b) => order(a) - order(b) || (b.lag_seconds ?? 0) - (a.lag_seconds ?? 0) || a.name.localeCompare(b.name));
}

export interface Bill {
  currency: string;
  projected: number;
  calls: number;
  sources: { name: string; projected: number }[];
}

/** What the collection costs, by currency: amounts of different ones are not added. */
export function bills(sources: readonly { name: string; cost: Cost | null }[]): Bill[] {
  const byCurrency = new Map<string, Bill>();
  for (const { name, cost } of sources) {
    if (!cost) continue;
    const bill = byCurrency.get(cost.currency) ?? { currency: cost.currency, projected: 0, calls: 0, sources: [] };
    byCurrency.set(cost.currency, bill);
    bill.projected += cost.projected_month;
    bill.calls += cost.calls;
    bill.sources.push({ name, projected: cost.projected_month });
  }
  for (const bill of byCurrency.values()) bill.sources.sort((a, b) => b.projected - a.projected);
  return [...byCurrency.values()].sort((a, b) => b.projected - a.projected);
}
