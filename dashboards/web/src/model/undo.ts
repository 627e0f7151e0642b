/** What takes an act back. Pure. */
import type { ActRequest } from "../api/centre";
import type { Alert } from "../api/shapes";

/** Ids in one request at most. */
export const IDS_MAX = 1000;

/** Ids by what they had before. */
function by(ids: readonly string[], before: ReadonlyMap<string, Alert>, value: (alert: Alert) => string | null): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const id of ids) {
    const alert = before.get(id);
    if (!alert) continue;
    const had = value(alert) ?? "";
    groups.set(had, [...(groups.get(had) ?? []), id]);
  }
  return groups;
}

/** Requests after which these alerts are as they were: whose they were, and until when they were put off. A comment stays. */
export function inverse(done: ActRequest, ids: readonly string[], alerts: readonly Alert[]): ActRequest[] {
  const before = new Map(alerts.map((alert) => [alert.id, alert]));
  switch (done.act) {
    case "acknowledge":
      // What somebody had before stays theirs.
      return chunked(ids.filter((id) => before.get(id)?.acknowledged_by === null), (some) => ({ act: "unacknowledge", ids: some }));
    case "unacknowledge":
      return chunked(ids, (some) => ({ act: "acknowledge", ids: some }));
    case "assign":
      return [...by(ids, before, (alert) => alert.assigned_to)].flatMap(([to, some]) => chunked(some, (part) => ({ act: "assign", to, ids: part })));
    case "snooze":
    case "unsnooze":
      return [...by(ids, before, (alert) => alert.snoozed_until)].flatMap(([until, some]) =>
        chunked(some, (part) => (until === "" ? { act: "unsnooze", ids: part } : { act: "snooze", until, ids: part })),
      );
    case "comment":
      return [];
  }
}

/** The same of an act by a filter. What each alert had is not known: only what had nothing can be taken back. */
export function inverseOfQuery(done: ActRequest, ids: readonly string[]): ActRequest[] {
  return done.act === "acknowledge" ? chunked(ids, (some) => ({ act: "unacknowledge", ids: some })) : [];
}

/** Requests of at most `IDS_MAX` ids each. */
export function chunked(ids: readonly string[], request: (some: string[]) => ActRequest): ActRequest[] {
  const requests: ActRequest[] = [];
  for (let at = 0; at < ids.length; at += IDS_MAX) requests.push(request(ids.slice(at, at + IDS_MAX)));
  return requests;
}
