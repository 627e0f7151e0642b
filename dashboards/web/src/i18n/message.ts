/**
 * Messages of the catalogue: `{name}` puts a value in, `{n, plural, one {# alert} other {# alerts}}` chooses by number.
 * This is the part of ICU's message format the catalogue uses.
 */

export type Language = "en" | "zh";
export type Params = Readonly<Record<string, string | number>>;

type Node =
  | { kind: "text"; text: string }
  | { kind: "value"; name: string }
  | { kind: "count" }
  | { kind: "plural"; name: string; cases: ReadonlyMap<string, Node[]> };

const parsed = new Map<string, Node[]>();
const locales: Record<Language, string> = { en: "en-GB", zh: "zh-CN" };
const numbers = new Map<Language, Intl.NumberFormat>();
const plurals = new Map<Language, Intl.PluralRules>();

/** Figures with thousands separated by commas, in both languages. */
export function formatNumber(value: number, language: Language): string {
  let format = numbers.get(language);
  if (!format) numbers.set(language, (format = new Intl.NumberFormat(locales[language], { maximumFractionDigits: 2 })));
  return format.format(value);
}

function pluralOf(value: number, language: Language): string {
  let rules = plurals.get(language);
  if (!rules) plurals.set(language, (rules = new Intl.PluralRules(locales[language])));
  return rules.select(value);
}

/** The names a message takes. */
export function namesOf(message: string): Set<string> {
  const names = new Set<string>();
  const walk = (nodes: Node[]): void => {
    for (const node of nodes) {
      if (node.kind === "value" || node.kind === "plural") names.add(node.name);
      if (node.kind === "plural") node.cases.forEach(walk);
    }
  };
  walk(parse(message));
  return names;
}

/** The message as pieces: texts, and the names whose values go between them. */
export function pieces(message: string, params: Params, language: Language): (string | { name: string })[] {
  const out: (string | { name: string })[] = [];
  const push = (text: string): void => {
    const last = out.length - 1;
    if (typeof out[last] === "string") out[last] += text;
    else out.push(text);
  };
  const walk = (nodes: Node[], count: number | null): void => {
    for (const node of nodes) {
      if (node.kind === "text") push(node.text);
      else if (node.kind === "count") push(formatNumber(count ?? 0, language));
      else if (node.kind === "value") {
        const value = params[node.name];
        if (value === undefined) out.push({ name: node.name });
        else push(typeof value === "number" ? formatNumber(value, language) : value);
      } else {
        const number = Number(params[node.name] ?? 0);
        const chosen = node.cases.get(`=${number}`) ?? node.cases.get(pluralOf(number, language)) ?? node.cases.get("other");
        walk(chosen ?? [], number);
      }
    }
  };
  walk(parse(message), null);
  return out;
}

/** The message as one text; a name without a value stays in braces, which the tests find. */
export function format(message: string, params: Params, language: Language): string {
  return pieces(message, params, language)
    .map((piece) => (typeof piece === "string" ? piece : `{${piece.name}}`))
    .join("");
}

function parse(message: string): Node[] {
  const known = parsed.get(message);
  if (known) return known;
  const reader = { text: message, at: 0 };
  const nodes = sequence(reader, false);
  if (reader.at !== message.length) throw new Error(`message ${JSON.stringify(message)}: a } without its {`);
  parsed.set(message, nodes);
  return nodes;
}

function sequence(reader: { text: string; at: number }, insidePlural: boolean): Node[] {
  const nodes: Node[] = [];
  let text = "";
  const flush = (): void => {
    if (text) nodes.push({ kind: "text", text });
    text = "";
  };
  for (; reader.at < reader.text.length; reader.at++) {
    const c = reader.text.charAt(reader.at);
    if (c === "}") break;
    if (c === "#" && insidePlural) {
      flush();
      nodes.push({ kind: "count" });
    } else if (c === "{") {
      flush();
      nodes.push(argument(reader));
    } else text += c;
  }
  flush();
  return nodes;
}

/** Reads from `{` to its `}` and stands on that. */
function argument(reader: { text: string; at: number }): Node {
  const rest = reader.text.slice(reader.at);
  const plain = /^\{(\w+)\}/.exec(rest);
  if (plain?.[1]) {
    reader.at += plain[0].length - 1;
    return { kind: "value", name: plain[1] };
  }
  const plural = /^\{(\w+), plural,\s*/.exec(rest);
  if (!plural?.[1]) throw new Error(`message ${JSON.stringify(reader.text)}: what begins at ${reader.at} is no argument`);
  reader.at += plural[0].length;
  const cases = new Map<string, Node[]>();
  for (;;) {
    const key = /^\s*(=\d+|\w+)\s*\{/.exec(reader.text.slice(reader.at));
    if (!key?.[1]) break;
    reader.at += key[0].length;
    cases.set(key[1], sequence(reader, true));
    reader.at += 1;
  }
  while (reader.text.charAt(reader.at) === " ") reader.at += 1;
  if (reader.text.charAt(reader.at) !== "}" || !cases.has("other")) {
    throw new Error(`message ${JSON.stringify(reader.text)}: a plural ends with other {…}}`);
  }
  return { kind: "plural", name: plural[1], cases };
}
