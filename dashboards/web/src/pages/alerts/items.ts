/** Rows as a list, or under the heads of their groups. Pure. */
import { valueOf } from "../../model/filter";
import type { Row } from "../../model/row";
import { rank, worst, type Mark } from "../../model/severity";

export type Item = { kind: "row"; row: Row; since: number | null } | { kind: "head"; value: string; count: number; mark: Mark };

export const GROUP_KEYS = ["name", "service", "resource", "region", "provider", "owner", "class"] as const;

/** The items of a list; `key` is a field or a label, null for no groups. The worst and then the largest group first. */
export function itemsOf(rows: readonly Row[], left: ReadonlyMap<string, number>, key: string | null): Item[] {
  const item = (row: Row): Item => ({ kind: "row", row, since: left.get(row.id) ?? null });
  if (key === null) return rows.map(item);
  const groups = new Map<string, Row[]>();
  const field = (GROUP_KEYS as readonly string[]).includes(key) ? `@${key}` : key;
  for (const row of rows) {
    const value = valueOf(row, field);
    groups.set(value, [...(groups.get(value) ?? []), row]);
  }
  const heads = [...groups].map(([value, members]) => ({ value, members, mark: worst(members.map((row) => row.mark)) }));
  heads.sort((a, b) => rank(a.mark) - rank(b.mark) || b.members.length - a.members.length || a.value.localeCompare(b.value));
  return heads.flatMap(({ value, members, mark }): Item[] => [{ kind: "head", value, count: members.length, mark }, ...members.map(item)]);
}
