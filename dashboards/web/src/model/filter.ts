/**
 * The filter language: `key op value` and free words, by spaces. Equal keys with `=` are alternatives, all else must hold.
 * Operators: `=` `!=` `=~` `!~` (anchored regular expressions) `>` `<`. A key is a field (`@state`, also without the sign
 * where no label has the name) or a label. Values with spaces stand in quotes.
 */
import { parseSpan } from "../format/time";
import type { Row } from "./row";

export const OPERATORS = ["!=", "=~", "!~", "=", ">", "<"] as const;
export type Operator = (typeof OPERATORS)[number];

export interface Chip {
  key: string;
  op: Operator;
  value: string;
  /** Where it stands in the text. */
  start: number;
  end: number;
}

export interface FilterError {
  message: "key" | "value" | "regex" | "number" | "span" | "quote";
  text: string;
  start: number;
  end: number;
}

export interface Filter {
  chips: Chip[];
  words: string[];
  errors: FilterError[];
}

/** Long expressions are slower to run than anyone can mean. */
const REGEX_MAX = 200;

export const FIELDS: Record<string, (row: Row) => string> = {
  state: (row) => row.alert.state,
  severity: (row) => row.mark,
  name: (row) => row.alert.name,
  class: (row) => row.alert.class,
  domain: (row) => row.alert.failure_domain,
  provider: (row) => row.provider,
  account: (row) => row.account,
  region: (row) => row.region,
  resource: (row) => row.own.resource,
  service: (row) => row.own.service,
  owner: (row) => row.owner ?? "nobody",
  source: (row) => row.alert.sources.join(","),
  held: (row) => (row.isHeld ? "yes" : "no"),
  acknowledged: (row) => (row.alert.acknowledged_by !== null ? "yes" : "no"),
  flapping: (row) => (row.alert.flapping ? "yes" : "no"),
  incident: (row) => row.alert.incident ?? "",
  verified: (row) => (row.alert.verified ? "yes" : "no"),
};
/** Fields that are compared as numbers; age in time. */
const MEASURES = new Set(["age", "value"]);

export const fieldNames = (): string[] => [...Object.keys(FIELDS), ...MEASURES];

/** The chip's text, as it is read again. */
export function chipText(chip: Pick<Chip, "key" | "op" | "value">): string {
  const plain = /^[^\s"=!~<>]+$/.test(chip.value);
  return `${chip.key}${chip.op}${plain ? chip.value : `"${chip.value.replace(/[\\"]/g, "\\$&")}"`}`;
}

const TOKEN = /\s*(?:(@?[A-Za-z_][\w.:-]*)\s?(!=|=~|!~|=|>|<)\s?("(?:[^"\\]|\\.)*"?|[^\s"]*)|("(?:[^"\\]|\\.)*"?|\S+))/y;

export function parseFilter(text: string): Filter {
  const filter: Filter = { chips: [], words: [], errors: [] };
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match; match = TOKEN.exec(text)) {
    const end = TOKEN.lastIndex;
    const start = end - match[0].trimStart().length;
    const [, key, op, raw, word] = match;
    const quoted = unquote(raw ?? word ?? "");
    if (quoted === null) {
      filter.errors.push({ message: "quote", text: raw ?? word ?? "", start, end });
    } else if (key === undefined || op === undefined) {
      if (OPERATORS.some((operator) => word?.startsWith(operator))) filter.errors.push({ message: "key", text: word ?? "", start, end });
      else filter.words.push(quoted.toLowerCase());
    } else {
      const chip: Chip = { key, op: op as Operator, value: quoted, start, end };
      const wrong = wrongIn(chip);
      if (wrong) filter.errors.push({ message: wrong, text: chip.value || chip.key, start, end });
      else filter.chips.push(chip);
    }
  }
  return filter;
}

/** The text between quotes; null when they do not close. */
function unquote(text: string): string | null {
  if (!text.startsWith('"')) return text;
  if (text.length < 2 || !text.endsWith('"') || /(?:^|[^\\])(?:\\\\)*\\"$/.test(text)) return null;
  return text.slice(1, -1).replace(/\\(.)/g, "$1");
}

function wrongIn(chip: Chip): FilterError["message"] | null {
  const field = chip.key.replace(/^@/, "");
  if (chip.key.startsWith("@") && !(field in FIELDS) && !MEASURES.has(field)) return "key";
  if (chip.op === ">" || chip.op === "<") {
    if (field === "age") return parseSpan(chip.value) === null ? "span" : null;
    return chip.value !== "" && Number.isFinite(Number(chip.value)) ? null : "number";
  }
  if (chip.op === "=~" || chip.op === "!~") {
    try {
      new RegExp(`^(?:${chip.value})$`, "u");
      return chip.value.length > REGEX_MAX ? "regex" : null;
    } catch {
      return "regex";
    }
  }
  return chip.value === "" && chip.key.startsWith("@") ? "value" : null;
}

/** What a row has under a key: a label goes before a field, `@` means the field. */
export function valueOf(row: Row, key: string): string {
  const field = key.replace(/^@/, "");
  if (!key.startsWith("@")) {
    const label = row.alert.labels[key];
    // The severity label is the sender's; the field is what the page shows.
    if (label !== undefined && key !== "severity") return label;
  }
  return FIELDS[field]?.(row) ?? "";
}

function measure(row: Row, key: string, now: number): number | null {
  const field = key.replace(/^@/, "");
  if (field === "age") return (row.endsAt ?? now) - row.startsAt;
  if (field === "value") return row.alert.value;
  const text = valueOf(row, key);
  return text === "" || !Number.isFinite(Number(text)) ? null : Number(text);
}

type Test = (row: Row, now: number) => boolean;

function testOf(chip: Chip): Test {
  const { key, op, value } = chip;
  if (op === ">" || op === "<") {
    const limit = key.replace(/^@/, "") === "age" ? (parseSpan(value) ?? 0) : Number(value);
    return (row, now) => {
      const found = measure(row, key, now);
      return found !== null && (op === ">" ? found > limit : found < limit);
    };
  }
  const isSource = key === "source" || key === "@source";
  const hits = (row: Row, accept: (text: string) => boolean): boolean =>
    isSource ? row.alert.sources.some(accept) : accept(valueOf(row, key));
  if (op === "=~" || op === "!~") {
    const pattern = new RegExp(`^(?:${value})$`, "u");
    return (row) => hits(row, (text) => pattern.test(text)) === (op === "=~");
  }
  return (row) => hits(row, (text) => text === value) === (op === "=");
}

/** Whether a row passes. Made once per filter. */
export function matcher(filter: Filter, skip: string | null = null): Test {
  const alternatives = new Map<string, Test[]>();
  const must: Test[] = [];
  for (const chip of filter.chips) {
    const key = chip.key.replace(/^@/, "");
    if (key === skip && (chip.op === "=" || chip.op === "!=")) continue;
    if (chip.op === "=") alternatives.set(chip.key, [...(alternatives.get(chip.key) ?? []), testOf(chip)]);
    else must.push(testOf(chip));
  }
  const groups = [...alternatives.values()];
  return (row, now) =>
    must.every((test) => test(row, now)) &&
    groups.every((tests) => tests.some((test) => test(row, now))) &&
    filter.words.every((word) => textOf(row).includes(word));
}

const texts = new WeakMap<Row, string>();

function textOf(row: Row): string {
  let text = texts.get(row);
  if (text === undefined) {
    const { alert } = row;
    const parts = [alert.name, alert.id, row.mark, alert.class, row.resource, alert.resource ?? "", ...alert.sources, ...Object.values(alert.labels), ...Object.values(alert.annotations)];
    text = parts.join("\n").toLowerCase();
    texts.set(row, text);
  }
  return text;
}

/** The text with a chip put in, or taken out where it is in already; the opposite of it goes. */
export function toggleChip(text: string, key: string, op: "=" | "!=", value: string): string {
  const filter = parseFilter(text);
  const same = (chip: Chip): boolean => chip.key.replace(/^@/, "") === key.replace(/^@/, "") && chip.value === value;
  const had = filter.chips.some((chip) => same(chip) && chip.op === op);
  let rest = text;
  for (const chip of [...filter.chips].reverse()) {
    if (same(chip) && (chip.op === "=" || chip.op === "!=")) rest = rest.slice(0, chip.start) + rest.slice(chip.end);
  }
  rest = rest.replace(/\s+/g, " ").trim();
  return had ? rest : `${rest} ${chipText({ key, op, value })}`.trim();
}

export interface Choice {
  text: string;
  count: number;
}

const CHOICES_MAX = 12;

/** What could stand where the last word is: keys, or values of its key, the most frequent first. */
export function complete(text: string, rows: readonly Row[]): { from: number; key: string | null; choices: Choice[] } {
  const last = /(?:^|\s)(@?[A-Za-z_][\w.:-]*(?:!=|=~|!~|=))?("?[^\s"=]*)$/.exec(text);
  if (!last) return { from: text.length, key: null, choices: [] };
  const [, head, typed = ""] = last;
  const counts = new Map<string, number>();
  const add = (word: string): void => void counts.set(word, (counts.get(word) ?? 0) + 1);
  const wanted = typed.replace(/^"/, "").toLowerCase();
  if (head === undefined) {
    if (wanted === "") return { from: text.length, key: null, choices: [] };
    for (const row of rows) Object.keys(row.alert.labels).forEach(add);
    for (const name of fieldNames()) {
      counts.set(`@${name}`, rows.length);
      if (!wanted.startsWith("@")) counts.set(name, rows.length);
    }
    const choices = ranked(counts, wanted).map((choice) => ({ ...choice, text: `${choice.text}=` }));
    return { from: text.length - typed.length, key: null, choices };
  }
  const key = head.replace(/[!=~]+$/, "");
  for (const row of rows) {
    if (key.replace(/^@/, "") === "source") row.alert.sources.forEach(add);
    else {
      const value = valueOf(row, key);
      if (value !== "") add(value);
    }
  }
  const op = head.slice(key.length) as Operator;
  const choices = ranked(counts, wanted).map(({ text: value, count }) => ({ text: chipText({ key, op, value }), count }));
  return { from: text.length - typed.length - head.length, key, choices };
}

function ranked(counts: Map<string, number>, wanted: string): Choice[] {
  const matching = [...counts].filter(([text]) => text.toLowerCase().includes(wanted));
  const place = (text: string): number => (text.toLowerCase().startsWith(wanted) ? 0 : 1);
  matching.sort(([a, na], [b, nb]) => place(a) - place(b) || nb - na || a.localeCompare(b));
  return matching.slice(0, CHOICES_MAX).map(([text, count]) => ({ text, count }));
}
