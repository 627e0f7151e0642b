import { useMemo, type ReactNode } from "react";

import type { MatrixCell } from "../../api/shapes";
import { lag } from "../../format/time";
import { useText, type Speaker } from "../../i18n/text";
import { chipText } from "../../model/filter";
import { MARKS, rank } from "../../model/severity";
import { Provider, providerIn, Shape } from "../../parts/mark";
import { Empty } from "../../parts/panel";
import { Link } from "../../shell/rail";
import { hrefTo, usePlace } from "../../url/state";
import { matrixOf, type Tile } from "./cells";

/** What the tile has no room for, in words: its tip, and what readers hear after it. */
function spoken(t: Speaker, provider: string, tile: Tile): string {
  const lags = tile.cells.flatMap((cell) => (cell.lag_seconds === null ? [] : [cell.lag_seconds]));
  const reasons = tile.cells.flatMap((cell) => (cell.reason ? [cell.reason] : []));
  return [
    providerIn(t, provider),
    t("groups.alerts", { n: tile.alerts }),
    ...(tile.isStale ? [t("matrix.stale")] : []),
    ...(lags.length > 0 ? [t("data.late", { d: lag(Math.max(...lags), t.language) })] : []),
    ...reasons,
  ].join(" · ");
}

/** Health by provider and region. */
export function Matrix({ cells }: { cells: readonly MatrixCell[] }): ReactNode {
  const t = useText();
  const { columns, rows } = useMemo(() => matrixOf(cells), [cells]);
  if (rows.length === 0) return <Empty mark="unknown">{t("matrix.none")}</Empty>;
  const worstCritical = rows.some((row) => [...row.tiles.values()].flat().some((tile) => tile.mark === "critical"));
  return (
    <>
      <table className="matrix">
        <thead>
          <tr>
            <th scope="col">
              <span className="unseen">{t("field.provider")}</span>
            </th>
            {columns.map((column) => (
              <th key={column} scope="col">
                {t(`geo.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.provider}>
              <th scope="row">
                <Provider provider={row.provider} named />
              </th>
              {columns.map((column) => (
                <td key={column}>
                  {(row.tiles.get(column) ?? []).map((tile) => (
                    <RegionTile key={tile.region} provider={row.provider} tile={tile} />
                  ))}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p className={`legend ${worstCritical ? "with-critical" : ""}`}>
        {[...MARKS].sort((a, b) => legendOrder(a) - legendOrder(b)).map((mark) => (
          <span key={mark}>
            <Shape mark={mark} /> {t(`mark.${mark}`)}
          </span>
        ))}
        <span>
          <i className="hatched" aria-hidden="true" /> {t("matrix.stale")}
        </span>
      </p>
    </>
  );
}

const legendOrder = (mark: (typeof MARKS)[number]): number => (mark === "unknown" || mark === "nodata" ? 10 : 0) + rank(mark);

function RegionTile({ provider, tile }: { provider: string; tile: Tile }): ReactNode {
  const t = useText();
  const place = usePlace();
  const q = [chipText({ key: "provider", op: "=", value: provider }), ...(tile.region ? [chipText({ key: "region", op: "=", value: tile.region })] : [])].join(" ");
  return (
    <Link href={hrefTo(place, "alerts", { q })} className={`tile t-${tile.mark} ${tile.isStale ? "is-stale" : ""}`} title={spoken(t, provider, tile)}>
      <Shape mark={tile.mark} alone />
      <bdi className="plate code">{tile.region || t("matrix.noRegion")}</bdi>
      {tile.alerts > 0 && <span className="plate figures">{t.number(tile.alerts)}</span>}
      <span className="unseen">{spoken(t, provider, tile)}</span>
    </Link>
  );
}
