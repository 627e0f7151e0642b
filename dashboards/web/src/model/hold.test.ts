import { describe, expect, test } from "vitest";

import { alert } from "../test/alert";
import { hold, showAll, STRUCK_MS, waiting, type View } from "./hold";
import { isOpen, rowOf, type Row } from "./row";

const ids = (view: View): readonly string[] => view.order;
const row = (id: string, state: "firing" | "resolved" = "firing"): Row => rowOf(alert({ id, state, ends_at: state === "resolved" ? "2026-11-21T03:10:00.000Z" : null }));
const byId = (rows: Row[]): Map<string, Row> => new Map(rows.map((one) => [one.id, one]));

describe("rows do not move", () => {
  const first = [row("a"), row("b"), row("c")];
  const view = showAll(first, isOpen);

  test("what is new waits, in whatever order it comes, and is shown when asked for", () => {
    const next = [row("new"), row("c"), row("a"), row("b")];
    const held = hold(view, byId(next), isOpen, 1000);
    expect(ids(held)).toEqual(["a", "b", "c"]);
    expect(waiting(held, next, isOpen).map((one) => one.id)).toEqual(["new"]);
    expect(ids(showAll(next, isOpen))).toEqual(["new", "c", "a", "b"]);
  });

  test("what resolved stays in its place for half a minute, then goes", () => {
    const next = byId([row("a"), row("b", "resolved"), row("c")]);
    const struck = hold(view, next, isOpen, 1000);
    expect(ids(struck)).toEqual(["a", "b", "c"]);
    expect(struck.left.get("b")).toBe(1000);
    const later = hold(struck, next, isOpen, 1000 + STRUCK_MS - 1);
    expect(ids(later)).toEqual(["a", "b", "c"]);
    expect(ids(hold(later, next, isOpen, 1000 + STRUCK_MS))).toEqual(["a", "c"]);
  });

  test("what vanished from the list is treated the same, and what comes back is back", () => {
    const gone = hold(view, byId([row("a"), row("c")]), isOpen, 1000);
    expect(gone.left.has("b")).toBe(true);
    const back = hold(gone, byId([row("a"), row("b"), row("c")]), isOpen, 2000);
    expect(back.left.size).toBe(0);
    expect(ids(back)).toEqual(["a", "b", "c"]);
  });

  test("nothing new is the same view, so that nothing is drawn again", () => {
    expect(hold(view, byId(first), isOpen, 1000)).toBe(view);
  });
});
