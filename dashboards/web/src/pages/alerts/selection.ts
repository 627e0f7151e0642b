/** Which rows are chosen. Pure. */
export interface Selection {
  ids: ReadonlySet<string>;
  /** Where a range begins. */
  anchor: string | null;
  /** The question of which all are chosen that match, those that are not here included. */
  allOf: string | null;
}

export const NONE: Selection = { ids: new Set(), anchor: null, allOf: null };

export function toggled(selection: Selection, id: string): Selection {
  const ids = new Set(selection.ids);
  if (!ids.delete(id)) ids.add(id);
  return { ids, anchor: id, allOf: null };
}

/** Everything between the anchor and the row, both included, besides what is chosen already. */
export function ranged(selection: Selection, order: readonly string[], id: string): Selection {
  const from = selection.anchor === null ? -1 : order.indexOf(selection.anchor);
  const to = order.indexOf(id);
  if (from < 0 || to < 0) return toggled(selection, id);
  return { ids: new Set([...selection.ids, ...order.slice(Math.min(from, to), Math.max(from, to) + 1)]), anchor: id, allOf: null };
}

/** What is still meant: rows that are still listed, and all of a question while it is the one that is asked. */
export function kept(selection: Selection, order: ReadonlySet<string>, question: string): Selection {
  if (selection.allOf !== null) return selection.allOf === question ? selection : NONE;
  if ( [...selection.ids].every((id) => order.has(id))) return selection;
  return { ...selection, ids: new Set([...selection.ids].filter((id) => order.has(id))) };
}
