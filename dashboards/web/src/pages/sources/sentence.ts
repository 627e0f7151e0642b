/** `5 sources: 3 up, 1 degraded, 1 down.` Pure. */
import type { Source } from "../../api/shapes";
import { worst, type Mark } from "../../model/severity";
import { markOfSource } from "../../model/source";

const ORDER = ["up", "degraded", "down", "disabled"] as const;

export function countsOf(sources: readonly Source[]): { mark: Mark; total: number; states: { state: Source["state"]; n: number }[] } {
  const states = ORDER.map((state) => ({ state, n: sources.filter((source) => source.state === state).length })).filter(({ n }) => n > 0);
  const active = sources.filter((source) => source.state !== "disabled");
  return { mark: active.length === 0 ? "unknown" : worst(active.map(markOfSource)), total: sources.length, states };
}

export interface ProviderCoverage {
  provider: string;
  mapped: number;
  unmapped: number;
}

/** How many metrics of each provider have one name. */
export function coverageOf(items: readonly { provider: string; canonical: string | null }[]): ProviderCoverage[] {
  const byProvider = new Map<string, ProviderCoverage>();
  for (const item of items) {
    const entry = byProvider.get(item.provider) ?? { provider: item.provider, mapped: 0, unmapped: 0 };
    byProvider.set(item.provider, entry);
    if (item.canonical === null) entry.unmapped += 1;
    else entry.mapped += 1;
  }
  return [...byProvider.values()].sort((a, b) => a.provider.localeCompare(b.provider));
}
