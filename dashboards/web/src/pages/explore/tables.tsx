import type { ReactNode } from "react";

import { figure } from "../../format/value";
import { useText } from "../../i18n/text";
import { Foreign } from "../../parts/text";
import { At } from "../../parts/time";
import type { Series } from "./result";

export interface SqlAnswer {
  columns: { name: string; type: string }[];
  rows: unknown[][];
  /** The server cut the answer. */
  truncated?: boolean;
}

/** Rows shown at most; an export has all. */
const SHOWN_MAX = 500;

const isNumber = (type: string): boolean => /^(U?Int|Float|Decimal)/.test(type);

/** A cell of an answer as text; numbers keep all their digits. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return "—";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function SqlTable({ answer }: { answer: SqlAnswer }): ReactNode {
  const t = useText();
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label={t("explore.table")}>
      <table className="rows">
        <thead>
          <tr>
            {answer.columns.map((column, index) => (
              <th key={index} scope="col" className={isNumber(column.type) ? "right" : ""} title={column.type}>
                <Foreign max={60}>{column.name}</Foreign>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {answer.rows.slice(0, SHOWN_MAX).map((row, place) => (
            <tr key={place}>
              {row.map((value, index) => (
                <td key={index} className={isNumber(answer.columns[index]?.type ?? "") ? "figures right" : ""}>
                  <Foreign>{cellText(value)}</Foreign>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {answer.truncated && <p className="panel-body">{t("explore.truncated")}</p>}
      {answer.rows.length > SHOWN_MAX && <p className="panel-body quiet">{t("table.rows", { n: SHOWN_MAX, total: answer.rows.length })}</p>}
    </div>
  );
}

/** Series as rows with their last value: the chart's twin. */
export function SeriesTable({ series }: { series: readonly Series[] }): ReactNode {
  const t = useText();
  const names = [...new Set(series.flatMap((one) => Object.keys(one.labels)))];
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label={t("explore.table")}>
      <table className="rows">
        <thead>
          <tr>
            {names.map((name) => (
              <th key={name} scope="col">
                {name === "__name__" ? t("explore.metric") : <Foreign max={60}>{name}</Foreign>}
              </th>
            ))}
            <th scope="col" className="right">
              {t("explore.points")}
            </th>
            <th scope="col" className="right">
              {t("explore.last")}
            </th>
            <th scope="col">{t("explore.lastAt")}</th>
          </tr>
        </thead>
        <tbody>
          {series.slice(0, SHOWN_MAX).map((one) => {
            const last = one.points[one.points.length - 1];
            return (
              <tr key={one.name}>
                {names.map((name) => (
                  <td key={name}>
                    <Foreign max={80}>{one.labels[name] ?? ""}</Foreign>
                  </td>
                ))}
                <td className="figures right">{t.number(one.points.length)}</td>
                <td className="figures right">{last ? figure(last[1]) : "—"}</td>
                <td>{last && <At at={last[0] * 1000} />}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {series.length > SHOWN_MAX && <p className="panel-body quiet">{t("table.rows", { n: SHOWN_MAX, total: series.length })}</p>}
    </div>
  );
}
