/** What the alerts of a group have in common: whose fault it looks like. Pure. */
import { worst, type Mark } from "./severity";
import type { Row } from "./row";

export interface Group {
  name: string;
  rows: Row[];
  mark: Mark;
  /** When the first of them began. */
  since: number;
  /** What all of them share, the narrowest first; the page names the service before the place. */
  common: { service: string | null; provider: string | null; region: string | null; zone: string | null };
  providers: string[];
  owners: string[];
  unowned: number;
}

function shared(rows: readonly Row[], value: (row: Row) => string): string | null {
  const first = rows[0] ? value(rows[0]) : "";
  return first !== "" && rows.every((row) => value(row) === first) ? first : null;
}

const zoneOf = (row: Row): string => row.alert.labels["cloud_availability_zone"] ?? "";

/** Open alerts by name; the worst and then the largest group first. */
export function groupsOf(rows: readonly Row[], rank: (mark: Mark) => number): Group[] {
  const byName = new Map<string, Row[]>();
  for (const row of rows) byName.set(row.alert.name, [...(byName.get(row.alert.name) ?? []), row]);
  const groups = [...byName].map(([name, members]): Group => {
    const owners = new Set(members.flatMap((row) => (row.owner ? [row.owner] : [])));
    return {
      name,
      rows: members,
      mark: worst(members.map((row) => row.mark)),
      since: Math.min(...members.map((row) => row.startsAt)),
      common: {
        service: shared(members, (row) => row.service),
        provider: shared(members, (row) => row.provider),
        region: shared(members, (row) => row.region),
        zone: shared(members, zoneOf),
      },
      providers: [...new Set(members.map((row) => row.provider).filter((provider) => provider !== ""))].sort(),
      owners: [...owners],
      unowned: members.filter((row) => row.owner === null).length,
    };
  });
  return groups.sort((a, b) => rank(a.mark) - rank(b.mark) || b.rows.length - a.rows.length || a.since - b.since);
}
