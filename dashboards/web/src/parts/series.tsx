import type { ReactNode } from "react";

import type { Alert } from "../api/shapes";
import { useReading, type Reading } from "../api/store";
import { formatValue } from "../format/value";
import { useText } from "../i18n/text";
import { useNow } from "./now";
import { Sparkline, type Point } from "./sparkline";

interface RangeAnswer {
  data: { result: { metric: Record<string, string>; values: [number, string][] }[] };
}

const MINUTE = 60_000;

/** The address of an expression over the hour up to a minute; steps of a minute. */
export function hourPath(expression: string, now: number): { path: string; from: number; to: number } {
  const to = Math.floor(now / MINUTE) * MINUTE;
  const from = to - 60 * MINUTE;
  const query = new URLSearchParams({ query: expression, start: `${from / 1000}`, end: `${to / 1000}`, step: "60" });
  return { path: `/api/v1/query_range?${query}`, from, to };
}

/** The first series of an answer, with both ends of the hour, so that what is missing is seen. */
export function pointsOf(answer: RangeAnswer, from: number, to: number): Point[] {
  const values = answer.data.result[0]?.values ?? [];
  const points: Point[] = values.map(([at, value]) => ({ at: at * 1000, value: Number(value) }));
  return [{ at: from, value: null }, ...points, { at: to, value: null }];
}

/** The last hour of an expression, read again every minute. */
export function useHour(expression: string | null): { reading: Reading<RangeAnswer>; points: Point[] } {
  const now = useNow();
  const { path, from, to } = hourPath(expression ?? "", now);
  const reading = useReading<RangeAnswer>(expression === null ? null : path);
  return { reading, points: reading.data ? pointsOf(reading.data, from, to) : [] };
}

const numberOf = (point: Point | undefined): number | null => point?.value ?? null;

/** An hour as a small line; nothing where there is no expression. */
export function HourSpark({ expression, threshold, tone, width, height }: { expression: string | null | undefined; threshold: Alert["threshold"] | null | undefined; tone: string; width?: number; height?: number }): ReactNode {
  const t = useText();
  const { reading, points } = useHour(expression ?? null);
  if (!expression) return null;
  if (reading.state === "loading") return <span className="spark-wait" aria-hidden="true" />;
  const seen = points.filter((point) => point.value !== null);
  const first = numberOf(seen[0]);
  const last = numberOf(seen[seen.length - 1]);
  const unit = threshold?.unit;
  const limit = threshold?.value ?? null;
  const label =
    first === null || last === null
      ? t("spark.none")
      : limit === null
        ? t("spark.plain", { a: formatValue(first, unit), b: formatValue(last, unit) })
        : t("spark.limit", { a: formatValue(first, unit), b: formatValue(last, unit), limit: formatValue(limit, unit) });
  return <Sparkline points={points} limit={limit} step={MINUTE} label={label} tone={tone} {...(width ? { width } : {})} {...(height ? { height } : {})} />;
}
