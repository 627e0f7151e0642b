import { useMemo, useRef, useState, type ReactNode } from "react";

import { useAlertRows } from "../../api/rows";
import { useText, type Key } from "../../i18n/text";
import { KEYS, useKeys } from "../../keys/keymap";
import { matcher, parseFilter, toggleChip } from "../../model/filter";
import { EMPTY, hold, showAll, waiting, type View } from "../../model/hold";
import { comparator, isOpen, readSort, writeSort, type Row, type SortKey } from "../../model/row";
import { Icon } from "../../parts/icon";
import { Kbd } from "../../parts/kbd";
import { useNow } from "../../parts/now";
import { usePhone } from "../../parts/phone";
import { Empty, Read } from "../../parts/panel";
import { Tabs } from "../../parts/tabs";
import { ROW_HEIGHTS, useSettings } from "../../settings";
import { setParams, usePlace } from "../../url/state";
import { Detail } from "./detail";
import { Facets } from "./facets";
import { FilterBox } from "./filter-box";
import { GROUP_KEYS, itemsOf } from "./items";
import { AlertTable, type TableHandle } from "./table";
import { BUILT_IN, countOf, ownViews, storeViews, withView } from "./views";

/** A row as a card: three lines of text. */
const CARD_HEIGHT = 92;
/** Counts of views and facets follow the time in steps of this, as `@age` chips do. */
const COARSE_MS = 15_000;

interface Shown {
  question: string | null;
  view: View;
  /** The reading and the time the view was last brought up to. */
  rows: ReadonlyMap<string, Row> | null;
  at: number;
  known: ReadonlyMap<string, Row>;
}

const NOTHING: Shown = { question: null, view: EMPTY, rows: null, at: 0, known: new Map() };

/** All alerts: views, filter, facets, list, and one of them beside it. */
export function AlertsPage(): ReactNode {
  const t = useText();
  const { params } = usePlace();
  const { settings } = useSettings();
  const { alerts, rows: unsorted } = useAlertRows();
  const isPhone = usePhone();
  const coarse = Math.floor(useNow() / COARSE_MS) * COARSE_MS;

  const [own, setOwn] = useState(() => ownViews(window.localStorage));
  const views = useMemo(() => [...BUILT_IN, ...own], [own]);
  const view = views.find((known) => known.id === params.get("view")) ?? views[0] ?? BUILT_IN[0];
  const q = params.get("q") ?? "";
  const sortText = params.get("sort");
  const sort = useMemo(() => readSort(sortText), [sortText]);
  const group = params.get("group") ?? null;
  const opened = params.get("open") ?? null;

  const rows = useMemo(() => [...unsorted].sort(comparator(sort)), [unsorted, sort]);
  const byId = useMemo(() => new Map(rows.map((row) => [row.id, row])), [rows]);
  const inView = useMemo(() => {
    const accepts = matcher(parseFilter(view?.q ?? ""));
    return (row: Row): boolean => ((view?.resolved ?? false) || isOpen(row)) && accepts(row, coarse);
  }, [view, coarse]);
  const belongs = useMemo(() => {
    const accepts = matcher(parseFilter(q));
    return (row: Row): boolean => inView(row) && accepts(row, coarse);
  }, [inView, q, coarse]);

  // Another question is a new list; a new answer to the same question moves nothing.
  const question = JSON.stringify([view?.id, q, sortText, group]);
  const [shown, setShown] = useState<Shown>(NOTHING);
  if (alerts.data && (shown.question !== question || shown.rows !== byId || shown.at !== coarse)) {
    const next = shown.question === question ? hold(shown.view, byId, belongs, coarse) : showAll(rows, belongs);
    // What left the list is still shown for a while: its last state stays known.
    const known = new Map(next.order.flatMap((id) => (shown.known.has(id) ? [[id, shown.known.get(id)] as const] : [])));
    setShown({ question, view: next, rows: byId, at: coarse, known: new Map([...known, ...byId]) as ReadonlyMap<string, Row> });
  }
  const showNew = (): void => setShown({ question, view: showAll(rows, belongs), rows: byId, at: coarse, known: byId });

  const fresh = waiting(shown.view, rows, belongs);
  const candidates = useMemo(() => rows.filter(inView), [rows, inView]);
  const items = useMemo(() => {
    const listed = shown.view.order.flatMap((id) => byId.get(id) ?? shown.known.get(id) ?? []);
    return itemsOf(listed, shown.view.left, group);
  }, [shown, byId, group]);
  const shownCount = shown.view.order.length - shown.view.left.size;

  const [cursor, setCursor] = useState<string | null>(opened);
  const table = useRef<TableHandle>(null);
  const open = (id: string): void => {
    setCursor(id);
    setParams({ open: id });
  };
  const close = (): void => setParams({ open: null });
  useKeys({
    next: () => table.current?.move(1),
    previous: () => table.current?.move(-1),
    new: showNew,
    close: () => {
      if (opened === null) return false;
      close();
      return true;
    },
    why: () => {
      const id = opened ?? cursor;
      if (id === null) return;
      if (opened === null) open(id);
      requestAnimationFrame(() => document.querySelector<HTMLElement>("[data-why]")?.focus());
    },
    source: () => {
      const link = document.querySelector<HTMLAnchorElement>("[data-source-link]");
      link?.click();
      return link !== null;
    },
  });

  const chooseView = (id: string): void => setParams({ view: id === "open" ? null : id });
  const onSort = (key: SortKey): void => setParams({ sort: writeSort({ key, descending: sort.key === key && !sort.descending }) });
  const setQ = (next: string): void => setParams({ q: next });
  return (
    <div className={`alerts-page ${opened ? "with-side" : ""}`}>
      <h1 className="unseen">{t("page.alerts")}</h1>
      <div className="alerts-head">
        <Tabs
          label={t("view.label")}
          active={view?.id ?? "open"}
          onChoose={chooseView}
          tabs={views.map((known) => ({ id: known.id, label: known.isOwn ? known.name : t(known.name as Key), count: alerts.data ? countOf(known, rows, coarse) : undefined }))}
        >
          <SaveView q={q} base={view?.q ?? ""} onSave={(name, text) => {
            const next = withView(own, name, text);
            setOwn(next);
            storeViews(window.localStorage, next);
            setParams({ view: `own:${name}`, q: null });
          }} onRemove={view?.isOwn ? () => {
            const next = own.filter((known) => known.id !== view.id);
            setOwn(next);
            storeViews(window.localStorage, next);
            setParams({ view: null });
          } : null} />
          <label className="grouping">
            {t("group.label")}{" "}
            <select value={group ?? ""} onChange={(event) => setParams({ group: event.target.value })}>
              <option value="">{t("group.list")}</option>
              {GROUP_KEYS.map((key) => (
                <option key={key} value={key}>
                  {t(`field.${key}` as Key)}
                </option>
              ))}
              {group !== null && !(GROUP_KEYS as readonly string[]).includes(group) && <option value={group}>{group}</option>}
            </select>
          </label>
        </Tabs>
        <FilterBox q={q} rows={candidates} shown={shownCount} total={alerts.data ? candidates.length : null} onChange={setQ} />
      </div>
      <div className="alerts-body">
        <Facets q={q} rows={candidates} now={coarse} onToggle={(key, op, value) => setQ(toggleChip(q, key, op, value))} />
        <div className="alerts-list">
          {/* It has its place at all times: what comes moves nothing. */}
          <p className={`list-bar ${fresh.length > 0 ? "held-bar" : ""}`}>
            {fresh.length > 0 ? (
              <>
                <b>{t("live.newCount", { n: fresh.length })}</b> <span className="quiet">{t("live.heldBack")}</span>{" "}
                <button type="button" onClick={showNew}>
                  {t("act.show")} <Kbd keys="." />
                </button>
              </>
            ) : (
              alerts.data && <span className="quiet figures">{t("table.rows", { n: shownCount, total: rows.length })}</span>
            )}
          </p>
          <Read of={alerts} what="page.alerts" rows={12}>
            {() =>
              items.length === 0 ? (
                candidates.length > 0 ? (
                  <Empty mark="info" action={<button type="button" onClick={() => setQ("")}>{t("empty.clear")}</button>}>
                    {t("empty.filter", { n: candidates.length })}
                  </Empty>
                ) : (
                  <Empty mark="ok">{t("empty.view")}</Empty>
                )
              ) : (
                <AlertTable items={items} sort={sort} rowHeight={isPhone ? CARD_HEIGHT : ROW_HEIGHTS[settings.density]} isNarrow={opened !== null && !isPhone} cursor={cursor} opened={opened} onSort={onSort} onCursor={(id) => {
                  setCursor(id);
                  if (opened !== null) setParams({ open: id }, true);
                }} onOpen={open} handle={table} />
              )
            }
          </Read>
          <p className="table-foot">
            <span className="keys quiet" aria-hidden="true">
              {(["next", "previous", "open", "why", "help"] as const).map((id) => (
                <span key={id}>
                  <Kbd keys={KEYS.find((key) => key.id === id)?.keys[0] ?? ""} /> {t(`key.${id}`)}
                </span>
              ))}
            </span>
          </p>
        </div>
        {opened !== null && <Detail id={opened} row={byId.get(opened)} onClose={close} />}
      </div>
    </div>
  );
}

/** Keeps the filter under a name, or forgets one's own view. */
function SaveView({ q, base, onSave, onRemove }: { q: string; base: string; onSave: (name: string, q: string) => void; onRemove: (() => void) | null }): ReactNode {
  const t = useText();
  const [name, setName] = useState<string | null>(null);
  if (name === null) {
    return (
      <>
        {q !== "" && (
          <button type="button" className="save" onClick={() => setName("")}>
            <Icon name="add" /> {t("view.save")}
          </button>
        )}
        {onRemove && (
          <button type="button" className="save" onClick={onRemove}>
            <Icon name="close" /> {t("view.remove")}
          </button>
        )}
      </>
    );
  }
  return (
    <form
      className="save-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim() !== "") onSave(name.trim(), `${base} ${q}`.trim());
        setName(null);
      }}
    >
      <input autoFocus aria-label={t("view.name")} placeholder={t("view.name")} maxLength={40} value={name} onChange={(event) => setName(event.target.value)} onKeyDown={(event) => event.key === "Escape" && setName(null)} />
      <button type="submit">{t("act.save")}</button>
    </form>
  );
}
