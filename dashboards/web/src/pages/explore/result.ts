/** What a query answers, as tables and charts take it. Pure. */

export type PromData =
  | { resultType: "matrix"; result: { metric: Record<string, string>; values: [number, string][] }[] }
  | { resultType: "vector"; result: { metric: Record<string, string>; value: [number, string] }[] }
  | { resultType: "scalar" | "string"; result: [number, string] };

export interface Series {
  name: string;
  labels: Record<string, string>;
  points: [number, number][];
}

/** `name{a="1", b="2"}`; names that are no identifier stand in the braces. */
export function seriesName(metric: Record<string, string>): string {
  const { __name__: name = "", ...labels } = metric;
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  if (name !== "" && !/^[A-Za-z_:][\w:]*$/.test(name)) return `{${[JSON.stringify(name), ...pairs].join(", ")}}`;
  return pairs.length > 0 || name === "" ? `${name}{${pairs.join(", ")}}` : name;
}

export function seriesOf(data: PromData): Series[] {
  switch (data.resultType) {
    case "matrix":
      return data.result.map(({ metric, values }) => ({ name: seriesName(metric), labels: metric, points: values.map(([at, value]) => [at, Number(value)]) }));
    case "vector":
      return data.result.map(({ metric, value }) => ({ name: seriesName(metric), labels: metric, points: [[value[0], Number(value[1])]] }));
    default:
      return [{ name: data.result[1], labels: {}, points: [[data.result[0], Number(data.result[1])]] }];
  }
}

/** Series on one axis of steps; null where a series has no value, so that gaps stay gaps. */
export function aligned(series: readonly Series[], from: number, to: number, step: number): [number[], ...(number | null)[][]] {
  const axis: number[] = [];
  for (let at = from; at <= to + 1e-6; at += step) axis.push(at);
  const place = new Map(axis.map((at, index) => [Math.round(at * 1000), index]));
  const columns = series.map((one) => {
    const column: (number | null)[] = new Array<number | null>(axis.length).fill(null);
    for (const [at, value] of one.points) {
      const index = place.get(Math.round(at * 1000));
      if (index !== undefined && Number.isFinite(value)) column[index] = value;
    }
    return column;
  });
  return [axis, ...columns];
}

/** Seconds between steps: about 240 of them over the range, whole and at least `least`. */
export function stepFor(rangeSeconds: number, least = 15): number {
  const wanted = rangeSeconds / 240;
  const steps = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400];
  return Math.max(least, steps.find((step) => step >= wanted) ?? 86_400);
}

/** A series keeps its colour wherever it is drawn: the place in the palette by its name, the next free one where taken. */
export function colours(names: readonly string[], size: number): number[] {
  const taken = new Map<number, number>();
  return names.map((name) => {
    let hash = 2166136261;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 16777619);
    let place = (hash >>> 0) % size;
    const round = Math.min(...Array.from({ length: size }, (_, index) => taken.get(index) ?? 0));
    while ((taken.get(place) ?? 0) > round) place = (place + 1) % size;
    const before = taken.get(place) ?? 0;
    taken.set(place, before + 1);
    return place + before * size;
  });
}
