import { useMemo, useState, type MouseEvent, type ReactNode } from "react";

import type { FacetCount } from "../../api/centre";
import { visible } from "../../format/untrusted";
import { useText, type Key } from "../../i18n/text";
import { FIELDS, matcher, parseFilter } from "../../model/filter";
import type { Row } from "../../model/row";
import { MARKS, rank, type Mark } from "../../model/severity";
import { Icon } from "../../parts/icon";
import { providerIn, Shape } from "../../parts/mark";
import { Foreign } from "../../parts/text";

export const FACETS = ["severity", "provider", "region", "service", "owner", "class", "source"] as const;
type Facet = (typeof FACETS)[number];

const SHOWN_MAX = 6;

export interface FacetValue {
  value: string;
  count: number;
  chosen: boolean;
  excluded: boolean;
}

/** Values of a field among the rows that all other chips let through, so that a choice can be widened. */
export function facetValues(facet: string, q: string, rows: readonly Row[], now: number): FacetValue[] {
  const accepts = matcher(parseFilter(q), facet);
  const counts = new Map<string, number>();
  for (const row of rows) {
    if (!accepts(row, now)) continue;
    const values = facet === "source" ? row.alert.sources : [FIELDS[facet]?.(row) ?? ""];
    for (const value of values) if (value !== "") counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return valuesOf(facet, q, counts);
}

/** The counted values with what is chosen of them; what is chosen is there even when nothing has it. */
export function valuesOf(facet: string, q: string, counted: ReadonlyMap<string, number>): FacetValue[] {
  const counts = new Map(counted);
  const own = parseFilter(q).chips.filter((chip) => chip.key.replace(/^@/, "") === facet);
  for (const chip of own) if (chip.op === "=" && !counts.has(chip.value)) counts.set(chip.value, 0);
  const has = (value: string, op: string): boolean => own.some((chip) => chip.value === value && chip.op === op);
  const values = [...counts].map(([value, count]) => ({ value, count, chosen: has(value, "="), excluded: has(value, "!=") }));
  const isMark = facet === "severity";
  return values.sort((a, b) => (isMark ? rank(a.value as Mark) - rank(b.value as Mark) : b.count - a.count) || a.value.localeCompare(b.value));
}

interface Props {
  q: string;
  rows: readonly Row[];
  /** As the server counted them, by fields with their sign; null where all rows are here. */
  counted: Readonly<Record<string, FacetCount[]>> | null;
  now: number;
  onToggle: (key: string, op: "=" | "!=", value: string) => void;
}

/** Values and counts of the usual fields; a click narrows to one, with Alt it leaves one out. */
export function Facets(props: Props): ReactNode {
  const t = useText();
  return (
    <div className="facets" role="group" aria-label={t("facet.label")}>
      {FACETS.map((facet) => (
        <FacetView key={facet} facet={facet} {...props} />
      ))}
    </div>
  );
}

function FacetView({ facet, q, rows, counted, now, onToggle }: Props & { facet: Facet }): ReactNode {
  const t = useText();
  const [open, setOpen] = useState(true);
  const [all, setAll] = useState(false);
  const [search, setSearch] = useState("");
  const values = useMemo(
    () => (counted === null ? facetValues(facet, q, rows, now) : valuesOf(facet, q, new Map((counted[`@${facet}`] ?? []).map(({ value, count }) => [value, count])))),
    [facet, q, rows, counted, now],
  );
  if (values.length === 0) return null;
  const found = values.filter((value) => value.value.toLowerCase().includes(search.toLowerCase()));
  const shown = all ? found.slice(0, 50) : found.slice(0, SHOWN_MAX);
  const most = Math.max(1, ...values.map((value) => value.count));
  const click = (value: string) => (event: MouseEvent) => onToggle(`@${facet}`, event.altKey ? "!=" : "=", value);
  return (
    <section>
      <h3>
        <button type="button" className="bare facet-head" aria-expanded={open} onClick={() => setOpen(!open)}>
          {t(`field.${facet}` as Key)} <Icon name={open ? "chevron-down" : "chevron-right"} />
        </button>
      </h3>
      {open && (
        <ul>
          {all && values.length > 12 && (
            <li>
              <input className="facet-search" aria-label={t("facet.search")} placeholder={t("facet.search")} value={search} onChange={(event) => setSearch(event.target.value)} />
            </li>
          )}
          {shown.map((value) => (
            <li key={value.value}>
              <button type="button" role="checkbox" aria-checked={value.chosen ? true : value.excluded ? "mixed" : false} className={`facet ${value.excluded ? "excluded" : ""}`} onClick={click(value.value)} title={t("facet.tip")}>
                <span className="box" aria-hidden="true">
                  {value.chosen && <Icon name="ack" />}
                </span>
                {facet === "severity" && (MARKS as readonly string[]).includes(value.value) && <Shape mark={value.value as Mark} />}
                <span className="facet-name">{facet === "severity" ? t.word("mark", value.value) : facet === "provider" ? providerIn(t, value.value) : value.value === "nobody" && facet === "owner" ? t("own.none") : <Foreign max={28}>{value.value}</Foreign>}</span>
                <span className="figures">{t.number(value.count)}</span>
                <svg className="share" viewBox="0 0 100 2" preserveAspectRatio="none" aria-hidden="true">
                  <rect width={(value.count / most) * 100} height="2" />
                </svg>
              </button>
            </li>
          ))}
          {found.length > shown.length && !all && (
            <li>
              <button type="button" className="link small" onClick={() => setAll(true)} aria-label={t("facet.moreOf", { n: found.length - shown.length, what: visible(facet) })}>
                {t("facet.more", { n: found.length - shown.length })}
              </button>
            </li>
          )}
        </ul>
      )}
    </section>
  );
}
