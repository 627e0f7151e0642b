import type { ReactNode } from "react";

export interface Point {
  at: number;
  /** Null where there is no data. */
  value: number | null;
}

export interface SparkGeometry {
  /** One path; a gap begins anew. */
  line: string;
  gaps: { x: number; width: number }[];
  limitY: number | null;
  end: { x: number; y: number } | null;
}

/** From points to a path in a box. The limit is always in the picture; a flat zero lies on the base line. */
export function sparkGeometry(points: readonly Point[], limit: number | null, width: number, height: number, step: number): SparkGeometry {
  const values = points.flatMap((point) => (point.value !== null && Number.isFinite(point.value) ? [point.value] : []));
  const pad = 2;
  const from = points[0]?.at ?? 0;
  const to = points[points.length - 1]?.at ?? 1;
  if (values.length === 0) return { line: "", gaps: points.length > 0 ? [{ x: 0, width }] : [], limitY: null, end: null };
  const known = limit !== null && Number.isFinite(limit) ? [...values, limit] : values;
  const high = Math.max(...known);
  const low = Math.min(...known, high === 0 ? 0 : Math.min(0, high));
  const x = (at: number): number => Math.round(((at - from) / Math.max(1, to - from)) * (width - pad * 2) * 10) / 10 + pad;
  const y = (value: number): number => Math.round((height - pad - ((value - low) / (high - low || 1)) * (height - pad * 2)) * 10) / 10;
  let line = "";
  let last: number | null = null;
  let end: SparkGeometry["end"] = null;
  const gaps: SparkGeometry["gaps"] = [];
  for (const point of points) {
    if (point.value === null || !Number.isFinite(point.value)) continue;
    const here = { x: x(point.at), y: y(point.value) };
    const isGap = last !== null && point.at - last > step * 1.5;
    if (isGap && last !== null) gaps.push({ x: x(last), width: here.x - x(last) });
    line += `${last === null || isGap ? "M" : "L"}${here.x} ${here.y}`;
    last = point.at;
    end = here;
  }
  if (last !== null && to - last > step * 1.5) gaps.push({ x: x(last), width: width - pad - x(last) });
  return { line, gaps, limitY: limit !== null && Number.isFinite(limit) ? y(limit) : null, end };
}

/** A small line with its limit. `label` says in words what it shows. */
export function Sparkline({ points, limit, step, label, tone = "t2", width = 72, height = 20 }: { points: readonly Point[]; limit: number | null; step: number; label: string; tone?: string; width?: number; height?: number }): ReactNode {
  const { line, gaps, limitY, end } = sparkGeometry(points, limit, width, height, step);
  return (
    <svg className={`spark tone-${tone}`} viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={label}>
      {gaps.map((gap) => (
        <rect key={gap.x} className="gap" x={gap.x} y="0" width={Math.max(0, gap.width)} height={height} />
      ))}
      {limitY !== null && <line className="limit" x1="0" x2={width} y1={limitY} y2={limitY} />}
      <path className="line" d={line} />
      {end && <circle className="end" cx={end.x} cy={end.y} r="2" />}
    </svg>
  );
}
