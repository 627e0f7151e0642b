/** Filtering the list of resources. Pure. */
import type { Resource } from "../../api/shapes";

export const FIELDS = ["provider", "type", "region", "service", "account"] as const;
export type Field = (typeof FIELDS)[number];

function textOf(resource: Resource): string {
  return [resource.id, resource.name, resource.zone, resource.service, ...Object.values(resource.tags)].join("\n").toLowerCase();
}

/** Those that have every chosen value and every word; `skip` leaves one field out, to count what it could be. */
export function filterResources(all: readonly Resource[], params: ReadonlyMap<string, string>, skip: Field | null = null): Resource[] {
  const words = (params.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = FIELDS.filter((field) => field !== skip && params.has(field));
  return all.filter((resource) => chosen.every((field) => resource[field] === params.get(field)) && (words.length === 0 || words.every((word) => textOf(resource).includes(word))));
}

/** Values of a field with how many have them, the most frequent first. */
export function valuesOf(field: Field, all: readonly Resource[], params: ReadonlyMap<string, string>): { value: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const resource of filterResources(all, params, field)) if (resource[field] !== "") counts.set(resource[field], (counts.get(resource[field]) ?? 0) + 1);
  return [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count || a.value.localeCompare(b.value));
}
