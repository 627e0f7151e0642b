/** Matchers of silences and routes, in Alertmanager's grammar: `alertname="HighCpu", region=~"us-.*"`. Pure. */
import type { WireMatcher } from "../api/centre";
import { chipText, parseFilter, type Operator } from "./filter";
import type { Row } from "./row";

const OPERATORS: Record<string, Pick<WireMatcher, "is_equal" | "is_regex">> = {
  "=": { is_equal: true, is_regex: false },
  "!=": { is_equal: false, is_regex: false },
  "=~": { is_equal: true, is_regex: true },
  "!~": { is_equal: false, is_regex: true },
};
export const MATCHER_OPERATORS = ["=", "!=", "=~", "!~"] as const;
export type MatcherOperator = (typeof MATCHER_OPERATORS)[number];

export function operatorOf({ is_equal, is_regex }: Pick<WireMatcher, "is_equal" | "is_regex">): MatcherOperator {
  return is_regex ? (is_equal ? "=~" : "!~") : is_equal ? "=" : "!=";
}

export function matcherOf(name: string, op: MatcherOperator, value: string): WireMatcher {
  return { name, value, is_equal: true, is_regex: false, ...OPERATORS[op] };
}

const PLAIN_NAME = /^[A-Za-z_:][\w:]*$/;

export function matcherText(matcher: WireMatcher): string {
  const name = PLAIN_NAME.test(matcher.name) ? matcher.name : JSON.stringify(matcher.name);
  return `${name}${operatorOf(matcher)}${JSON.stringify(matcher.value)}`;
}

export function matchersText(matchers: readonly WireMatcher[]): string {
  return matchers.map(matcherText).join(", ");
}

const TOKEN = /(?:"((?:[^"\\]|\\.)*)"|([^\s"=!~,{}]+))\s*(!=|=~|!~|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^",{}\n]*))/y;
const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f" };
/** The inverse of how `matcherText` quotes. */
const unquoted = (text: string): string => text.replace(/\\(?:u([0-9a-fA-F]{4})|([^]))/g, (_all, code: string | undefined, c = "") => (code === undefined ? (ESCAPES[c] ?? c) : String.fromCharCode(parseInt(code, 16))));
/** What stands between matchers: a comma, or, of labels as people write them, lines too. */
const COMMA = /\s*(,\s*)?/y;
const LINES = /[ \t]*([,\n][\s,]*)?/y;

/** The matchers of a text, with or without braces; or where it stops being one, in characters from 0. */
export function parseMatchers(text: string, between: RegExp = COMMA): { matchers: WireMatcher[]; wrongAt: number | null } {
  const matchers: WireMatcher[] = [];
  const blanks = (at: number): number => at + (/^\s*/.exec(text.slice(at))?.[0].length ?? 0);
  let at = blanks(0);
  if (text[at] === "{") at = blanks(at + 1);
  while (at < text.length && text[at] !== "}") {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (!found) return { matchers, wrongAt: at };
    const [, quotedName, name, op, quoted, plain] = found;
    matchers.push(matcherOf(quotedName === undefined ? (name ?? "") : unquoted(quotedName), op as MatcherOperator, quoted === undefined ? (plain ?? "").trim() : unquoted(quoted)));
    between.lastIndex = TOKEN.lastIndex;
    const [gap = "", sign] = between.exec(text) ?? [];
    at = TOKEN.lastIndex + gap.length;
    if (at < text.length && text[at] !== "}" && sign === undefined) return { matchers, wrongAt: at };
  }
  return { matchers, wrongAt: null };
}

/** Whether they would hold everything back: none asks for something. Of an expression that only the server's engine reads, it decides. */
export function holdsAll(matchers: readonly WireMatcher[]): boolean {
  return matchers.every(({ value, is_regex, is_equal }) => {
    if (!is_regex) return (value === "") === is_equal;
    try {
      return new RegExp(`^(?:${value})$`, "u").test("") === is_equal;
    } catch {
      return false;
    }
  });
}

/** Labels that name what an alert is about, in the order they are worth. */
const TELLING = ["resource_id", "instance", "service_name", "job", "cloud_region"];
export const quotedRegex = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
/** Alternatives in one expression at most; of more names the rest of the matchers decides. */
const NAMES_MAX = 20;

/** One matcher for these names, where they are few enough to be named. */
export function namesMatcher(names: readonly string[]): WireMatcher[] {
  const [only, ...more] = new Set(names);
  if (only === undefined || more.length >= NAMES_MAX || names.includes("")) return [];
  return [more.length === 0 ? matcherOf("alertname", "=", only) : matcherOf("alertname", "=~", [only, ...more].map(quotedRegex).join("|"))];
}

/** Matchers that fit all of these alerts and few others: of one its name and what it is about, of several what they share. */
export function matchersFor(rows: readonly Row[]): WireMatcher[] {
  const [first] = rows;
  if (!first) return [];
  const labels = rows.map((row) => row.alert.labels);
  const isShared = (name: string): boolean => (first.alert.labels[name] ?? "") !== "" && labels.every((one) => one[name] === first.alert.labels[name]);
  const shared = (names: readonly string[]): WireMatcher[] => names.filter(isShared).map((name) => matcherOf(name, "=", first.alert.labels[name] ?? ""));
  if (rows.length === 1) {
    const about = ["resource_id", "instance"].find(isShared);
    return shared(about ? ["alertname", about] : Object.keys(first.alert.labels));
  }
  return [...namesMatcher(labels.map((one) => one["alertname"] ?? "")), ...shared([...TELLING, "cloud_provider", "cloud_account_id", "team"])];
}

/** Fields of the filter that are labels under another name. */
const FIELD_LABELS: Record<string, string> = {
  name: "alertname",
  provider: "cloud_provider",
  account: "cloud_account_id",
  region: "cloud_region",
  service: "service_name",
  resource: "resource_name",
};

/** The matchers of a filter, and what of it no silence can say. Alternatives of one key become one expression. */
export function matchersOfFilter(q: string): { matchers: WireMatcher[]; rest: string[] } {
  const { chips, words } = parseFilter(q);
  const alternatives = new Map<string, string[]>();
  const matchers: WireMatcher[] = [];
  const rest: string[] = [...words];
  for (const chip of chips) {
    const field = chip.key.replace(/^@/, "");
    const name = chip.key.startsWith("@") || field in FIELD_LABELS ? FIELD_LABELS[field] : OURS.has(field) ? undefined : field;
    if (name === undefined || !isMatcherOperator(chip.op)) rest.push(`${chip.key}${chip.op}${chip.value}`);
    else if (chip.op === "=") alternatives.set(name, [...(alternatives.get(name) ?? []), chip.value]);
    else matchers.push(matcherOf(name, chip.op, chip.value));
  }
  const equal = [...alternatives].map(([name, [only = "", ...more]]) => (more.length === 0 ? matcherOf(name, "=", only) : matcherOf(name, "=~", [only, ...more].map(quotedRegex).join("|"))));
  return { matchers: [...equal, ...matchers], rest };
}

/** The filter that lets through what matchers fit. The label `severity` cannot be asked for: the field of that name is the page's mark. */
export function filterOf(matchers: readonly WireMatcher[]): string {
  const sayable = matchers.filter(({ name }) => PLAIN_NAME.test(name) && name !== "severity");
  return sayable.map((matcher) => chipText({ key: matcher.name, op: operatorOf(matcher), value: matcher.value })).join(" ");
}

/** Fields that are no labels, with or without their sign. */
const OURS = new Set(["state", "severity", "class", "domain", "owner", "source", "held", "verified", "age", "value", "acknowledged", "flapping", "incident"]);
const isMatcherOperator = (op: Operator): op is MatcherOperator => (MATCHER_OPERATORS as readonly string[]).includes(op);

/** Reads labels as people write them: `alertname=HighCpu, team="db"`. */
export function parseLabels(text: string): { labels: Record<string, string>; wrongAt: number | null } {
  const { matchers, wrongAt } = parseMatchers(text, LINES);
  const odd = matchers.find((matcher) => operatorOf(matcher) !== "=");
  return { labels: Object.fromEntries(matchers.map(({ name, value }) => [name, value])), wrongAt: wrongAt ?? (odd ? text.indexOf(odd.name) : null) };
}
