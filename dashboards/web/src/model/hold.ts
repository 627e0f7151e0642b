/**
 * Rows do not move: what is new waits until it is asked for, what changed changes in its place, and what resolved stays
 * struck for a while before it may leave. Pure.
 */
import type { Row } from "./row";

/** A resolved row stays this long, so that nobody looks for it. */
export const STRUCK_MS = 30_000;

export interface View {
  /** Ids in the order shown. */
  order: readonly string[];
  /** When a shown row was first seen resolved or gone. */
  left: ReadonlyMap<string, number>;
}

export const EMPTY: View = { order: [], left: new Map() };

/** The view with everything there is, in the order given: at first, and when the user asks. */
export function showAll(rows: readonly Row[], belongs: (row: Row) => boolean): View {
  return { order: rows.filter(belongs).map((row) => row.id), left: new Map() };
}

/** The view after a reading. Nothing enters it and nothing changes its place; of a part, what is not in it may still be there. */
export function hold(view: View, rows: ReadonlyMap<string, Row>, belongs: (row: Row) => boolean, now: number, isWhole = true): View {
  const left = new Map<string, number>();
  const order: string[] = [];
  for (const id of view.order) {
    const row = rows.get(id);
    if (row ? belongs(row) : !isWhole) {
      order.push(id);
      continue;
    }
    const since = view.left.get(id) ?? now;
    if (now - since < STRUCK_MS) {
      left.set(id, since);
      order.push(id);
    }
  }
  const same = order.length === view.order.length && left.size === view.left.size;
  return same ? view : { order, left };
}

/** Rows that wait to be shown. */
export function waiting(view: View, rows: readonly Row[], belongs: (row: Row) => boolean): Row[] {
  const shown = new Set(view.order);
  return rows.filter((row) => !shown.has(row.id) && belongs(row));
}
