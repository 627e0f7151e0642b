/** Saved views of the alert list: those that everyone has, and one's own, kept in this browser. */
import { matcher, parseFilter } from "../../model/filter";
import { isOpen, type Row } from "../../model/row";

export interface SavedView {
  id: string;
  /** A key of the catalogue for the built-in ones, else the name given. */
  name: string;
  isOwn: boolean;
  q: string;
  /** Resolved alerts belong to it. */
  resolved: boolean;
}

export const BUILT_IN: readonly SavedView[] = [
  { id: "open", name: "view.open", isOwn: false, q: "", resolved: false },
  { id: "firing", name: "view.firing", isOwn: false, q: "@state=firing", resolved: false },
  { id: "unowned", name: "view.unowned", isOwn: false, q: "@owner=nobody @state!=pending", resolved: false },
  { id: "nodata", name: "view.nodata", isOwn: false, q: "@state=no_data", resolved: false },
  { id: "held", name: "view.held", isOwn: false, q: "@held=yes", resolved: false },
  { id: "pending", name: "view.pending", isOwn: false, q: "@state=pending", resolved: false },
  { id: "resolved", name: "view.resolved", isOwn: false, q: "@state=resolved", resolved: true },
];

const STORED = "isobar.views";
const OWN_MAX = 20;

export function ownViews(storage: Pick<Storage, "getItem">): SavedView[] {
  try {
    const stored: unknown = JSON.parse(storage.getItem(STORED) ?? "[]");
    if (!Array.isArray(stored)) return [];
    return stored.flatMap((view: unknown) => {
      const { name, q } = (view ?? {}) as { name?: unknown; q?: unknown };
      return typeof name === "string" && typeof q === "string" ? [{ id: `own:${name}`, name, isOwn: true, q, resolved: /@?state=resolved/.test(q) }] : [];
    });
  } catch {
    return [];
  }
}

/** The views with one more; one of the same name is replaced. */
export function withView(views: readonly SavedView[], name: string, q: string): SavedView[] {
  const added: SavedView = { id: `own:${name}`, name, isOwn: true, q, resolved: /@?state=resolved/.test(q) };
  return [...views.filter((view) => view.name !== name), added].slice(-OWN_MAX);
}

export function storeViews(storage: Pick<Storage, "setItem">, views: readonly SavedView[]): void {
  storage.setItem(STORED, JSON.stringify(views.map(({ name, q }) => ({ name, q }))));
}

/** How many rows a view has. */
export function countOf(view: SavedView, rows: readonly Row[], now: number): number {
  const accepts = matcher(parseFilter(view.q));
  return rows.filter((row) => (view.resolved || isOpen(row)) && accepts(row, now)).length;
}
