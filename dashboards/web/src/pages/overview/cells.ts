/** From the cells of the server to the tiles of the matrix. Pure. */
import type { MatrixCell } from "../../api/shapes";
import { GEOGRAPHIES, geographyOf, providerOrder, type Geography } from "../../model/provider";
import { markOfCell, rank, worst, type Mark } from "../../model/severity";

export interface Tile {
  region: string;
  mark: Mark;
  alerts: number;
  /** Some source of it is behind. */
  isStale: boolean;
  cells: MatrixCell[];
}

export interface Matrix {
  columns: Geography[];
  rows: { provider: string; tiles: Map<Geography, Tile[]> }[];
}

/** One row a provider, one tile a region: what several sources say of one region is one tile, the worst of it. */
export function matrixOf(cells: readonly MatrixCell[]): Matrix {
  const byRegion = new Map<string, MatrixCell[]>();
  for (const cell of cells) {
    const key = JSON.stringify([cell.provider, cell.region]);
    byRegion.set(key, [...(byRegion.get(key) ?? []), cell]);
  }
  const rows = new Map<string, Map<Geography, Tile[]>>();
  const used = new Set<Geography>();
  for (const members of byRegion.values()) {
    const [first] = members;
    if (!first) continue;
    const geography = geographyOf(first.provider, first.region);
    used.add(geography);
    const tiles = rows.get(first.provider) ?? new Map<Geography, Tile[]>();
    rows.set(first.provider, tiles);
    const tile: Tile = {
      region: first.region,
      mark: worst(members.map(markOfCell)),
      // Sources of one region see the same alerts.
      alerts: Math.max(...members.map((cell) => cell.alerts)),
      isStale: members.some((cell) => cell.state === "stale"),
      cells: members,
    };
    tiles.set(geography, [...(tiles.get(geography) ?? []), tile].sort((a, b) => rank(a.mark) - rank(b.mark) || a.region.localeCompare(b.region)));
  }
  return {
    columns: GEOGRAPHIES.filter((geography) => used.has(geography)),
    rows: [...rows].map(([provider, tiles]) => ({ provider, tiles })).sort((a, b) => providerOrder(a.provider).localeCompare(providerOrder(b.provider))),
  };
}
