/** What could stand where the caret is in a PromQL expression. Pure. */

export interface Vocabulary {
  metrics: readonly string[];
  labels: readonly string[];
}

/** Functions and aggregations of PromQL with what they are for, in the order people use them. */
export const FUNCTIONS = [
  "rate", "increase", "irate", "delta", "sum", "avg", "max", "min", "count", "topk", "bottomk", "quantile", "stddev", "group",
  "avg_over_time", "max_over_time", "min_over_time", "sum_over_time", "count_over_time", "quantile_over_time", "last_over_time", "changes",
  "histogram_quantile", "predict_linear", "deriv", "abs", "ceil", "floor", "round", "clamp", "clamp_max", "clamp_min", "absent", "absent_over_time",
  "label_replace", "label_join", "sort", "sort_desc", "time", "timestamp", "vector", "scalar", "by", "without", "on", "ignoring", "group_left", "group_right", "offset",
] as const;

export type Place =
  | { kind: "name"; from: number; typed: string }
  | { kind: "label"; from: number; typed: string }
  | { kind: "value"; from: number; typed: string; label: string }
  | { kind: "none" };

/** Where the caret is: in a name, in the name of a label, or in the value of one. */
export function placeAt(text: string, caret: number): Place {
  const before = text.slice(0, caret);
  let depth = 0;
  let quote: string | null = null;
  let quoteAt = 0;
  for (let i = 0; i < before.length; i++) {
    const c = before.charAt(i);
    if (quote !== null) {
      if (c === "\\" && quote !== "`") i++;
      else if (c === quote) quote = null;
    } else if (c === '"' || c === "'" || c === "`") {
      quote = c;
      quoteAt = i;
    } else if (c === "#") {
      const end = before.indexOf("\n", i);
      if (end < 0) return { kind: "none" };
      i = end;
    } else if (c === "{") depth += 1;
    else if (c === "}") depth -= 1;
  }
  if (quote !== null) {
    const label = /([A-Za-z_][\w.]*)\s*(?:=~|!~|!=|=)\s*$/.exec(before.slice(0, quoteAt))?.[1];
    const typed = before.slice(quoteAt + 1);
    if (label !== undefined && depth > 0) return { kind: "value", from: quoteAt + 1, typed, label };
    return depth > 0 ? { kind: "name", from: quoteAt + 1, typed } : { kind: "none" };
  }
  const typed = /[A-Za-z_:][\w:.]*$/.exec(before)?.[0] ?? "";
  const from = caret - typed.length;
  if (/\d$/.test(before.slice(0, from))) return { kind: "none" };
  const inGrouping = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*$/.test(before.slice(0, from));
  if (depth > 0 || inGrouping) return { kind: "label", from, typed };
  return typed === "" ? { kind: "none" } : { kind: "name", from, typed };
}

const CHOICES_MAX = 12;

/** Starts first, then what holds the letters anywhere; short ones first. */
export function matching(words: readonly string[], typed: string): string[] {
  const wanted = typed.toLowerCase();
  const found = words.filter((word) => word.toLowerCase().includes(wanted) && word !== typed);
  const rank = (word: string): number => (word.toLowerCase().startsWith(wanted) ? 0 : 1);
  return found.sort((a, b) => rank(a) - rank(b) || a.length - b.length || a.localeCompare(b)).slice(0, CHOICES_MAX);
}

/** Candidates for a place; `values` are those of its label. */
export function candidates(place: Place, vocabulary: Vocabulary, values: readonly string[]): string[] {
  switch (place.kind) {
    case "name":
      return matching([...FUNCTIONS, ...vocabulary.metrics], place.typed);
    case "label":
      return matching(vocabulary.labels, place.typed);
    case "value":
      return matching(values, place.typed);
    default:
      return [];
  }
}

/** What goes in for a candidate: names that are no identifier stand in quotes in braces, functions open their bracket. */
export function insertion(place: Place, word: string): string {
  if (place.kind === "value") return word.replace(/["\\]/g, "\\$&");
  if (place.kind === "name" && !/^[A-Za-z_:][\w:]*$/.test(word)) return `{"${word}"}`;
  return word;
}
