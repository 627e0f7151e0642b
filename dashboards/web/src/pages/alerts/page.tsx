import { useCallback, useMemo, useRef, useState, type ReactNode } from "react";

import type { Target } from "../../api/acts";
import { useAlertRows, useRows } from "../../api/rows";
import { paths, type Alert, type Source } from "../../api/shapes";
import type { AlertList } from "../../api/centre";
import { useList, useReading } from "../../api/store";
import { useText, type Key } from "../../i18n/text";
import { KEYS, useKeys } from "../../keys/keymap";
import { matcher, parseFilter, toggleChip } from "../../model/filter";
import { EMPTY, hold, showAll, waiting, type View } from "../../model/hold";
import { comparator, isOpen, readSort, writeSort, type Row, type SortKey } from "../../model/row";
import { Icon } from "../../parts/icon";
import { Kbd } from "../../parts/kbd";
import { useNow } from "../../parts/now";
import { usePhone } from "../../parts/phone";
import { Empty, Loading, Read } from "../../parts/panel";
import { Tabs } from "../../parts/tabs";
import { At } from "../../parts/time";
import { Link } from "../../shell/rail";
import { ROW_HEIGHTS, useSettings } from "../../settings";
import { hrefTo, setParams, usePlace } from "../../url/state";
import { ActBar } from "./act-bar";
import { Detail } from "./detail";
import { Facets } from "./facets";
import { FilterBox } from "./filter-box";
import { GROUP_KEYS, itemsOf } from "./items";
import { countPath, listPath, PAGES_MAX, useListing } from "./listing";
import { kept, NONE, ranged, toggled, type Selection } from "./selection";
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
const NO_ALERTS: Alert[] = [];
const COUNTED = { every: COARSE_MS, live: true };
const yes = (): boolean => true;

/** All alerts: views, filter, facets, list, and one of them beside it. */
export function AlertsPage(): ReactNode {
  const t = useText();
  const { params } = usePlace();
  const { settings } = useSettings();
  const { alerts, rows: whole } = useAlertRows();
  const isMany = alerts.data !== null && alerts.data.counted !== null;
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

  // Very many are filtered, sorted and counted by the server.
  const [pages, setPages] = useState<{ of: string | null; n: number }>({ of: null, n: 1 });
  const fullQ = `${view?.q ?? ""} ${q}`.trim();
  const path = isMany ? listPath(fullQ, sortText ?? null, view?.resolved ?? false) : null;
  const { reading: asked, latest } = useListing(path, pages.of === path ? pages.n : 1);
  const answered = useRows(latest?.items ?? NO_ALERTS);
  const total = isMany ? (latest?.total ?? null) : null;
  const onEnd = useCallback((): void => {
    if (latest?.next) setPages({ of: latest.path, n: Math.min(PAGES_MAX, latest.pages + 1) });
  }, [latest]);

  const rows = useMemo(() => (isMany ? answered : [...whole].sort(comparator(sort))), [isMany, answered, whole, sort]);
  const byId = useMemo(() => new Map(rows.map((row) => [row.id, row])), [rows]);
  const inView = useMemo(() => {
    if (isMany) return yes;
    const accepts = matcher(parseFilter(view?.q ?? ""));
    return (row: Row): boolean => ((view?.resolved ?? false) || isOpen(row)) && accepts(row, coarse);
  }, [isMany, view, coarse]);
  const belongs = useMemo(() => {
    if (isMany) return yes;
    const accepts = matcher(parseFilter(q));
    return (row: Row): boolean => inView(row) && accepts(row, coarse);
  }, [isMany, inView, q, coarse]);

  // Another question is a new list; a new answer to the same question moves nothing.
  const asks = `${view?.id ?? ""} ${q}`;
  const question = `${group ?? ""} ${isMany ? `${latest?.path ?? ""}#${latest?.pages ?? 0}` : `${sortText ?? ""} ${asks}`}`;
  const [shown, setShown] = useState<Shown>(NOTHING);
  if (alerts.data && (shown.question !== question || shown.rows !== byId || shown.at !== coarse)) {
    const next = shown.question === question ? hold(shown.view, byId, belongs, coarse, !isMany || latest?.next === null) : showAll(rows, belongs);
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
  const shownCount = total ?? shown.view.order.length - shown.view.left.size;
  // Of very many the server counts; one that is not asked by a filter has the whole count already.
  const viewCount = isMany ? (alerts.data?.total ?? 0) : candidates.length;

  const [selection, setSelection] = useState<Selection>(NONE);
  const here = useMemo(() => new Set(shown.view.order), [shown]);
  const chosen = kept(selection, here, asks);
  const isAll = chosen.allOf !== null;
  const choose = (id: string, isRange: boolean): void => setSelection(isRange ? ranged(chosen, shown.view.order, id) : toggled(chosen, id));
  const chooseAll = (): void => setSelection(isAll ? NONE : { ids: new Set(), anchor: null, allOf: asks });

  // Of all that match, only what is firing or without data can be acted on.
  const actable = useReading<AlertList>(isMany && isAll ? countPath(fullQ) : null, COUNTED);

  const [cursor, setCursor] = useState<string | null>(opened);
  const table = useRef<TableHandle>(null);
  const open = (id: string): void => {
    setCursor(id);
    setParams({ open: id });
  };
  const close = (): void => setParams({ open: null });
  const alertOf = (id: string): Alert[] => {
    const row = byId.get(id) ?? shown.known.get(id);
    return row ? [row.alert] : [];
  };
  const target = ((): Target | null => {
    // How many it is about is known once the question is answered.
    if (isAll && isMany) return latest?.path === path && actable.data !== null ? { kind: "query", q: fullQ, count: total ?? 0, actable: actable.data.total } : null;
    if (isAll) return { kind: "rows", alerts: shown.view.order.filter((id) => !shown.view.left.has(id)).flatMap(alertOf) };
    if (chosen.ids.size > 0) return { kind: "rows", alerts: [...chosen.ids].flatMap(alertOf) };
    const one = opened ?? cursor;
    return one === null ? null : { kind: "rows", alerts: alertOf(one) };
  })();
  const hasChosen = isAll || chosen.ids.size > 0;
  useKeys({
    next: () => table.current?.move(1),
    previous: () => table.current?.move(-1),
    new: showNew,
    select: () => {
      if (cursor === null) return false;
      choose(cursor, false);
      return true;
    },
    selectRange: () => {
      if (cursor === null) return false;
      choose(cursor, true);
      return true;
    },
    selectAll: chooseAll,
    close: () => {
      if (opened !== null) close();
      else if (hasChosen) setSelection(NONE);
      else return false;
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
          tabs={views.map((known) => ({ id: known.id, label: known.isOwn ? known.name : t(known.name as Key), count: alerts.data && !isMany ? countOf(known, rows, coarse) : undefined }))}
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
        <FilterBox q={q} rows={candidates} shown={shownCount} total={alerts.data ? Math.max(shownCount, viewCount) : null} onChange={setQ} />
      </div>
      <div className="alerts-body">
        <Facets q={q} rows={candidates} counted={isMany ? (latest?.facets ?? {}) : null} now={coarse} onToggle={(key, op, value) => setQ(toggleChip(q, key, op, value))} />
        <div className="alerts-list">
          {/* It has its place at all times: what comes moves nothing. */}
          <div className={`list-bar ${fresh.length > 0 || hasChosen ? "held-bar" : ""}`}>
            {fresh.length > 0 ? (
              <>
                <b>{t("live.newCount", { n: fresh.length })}</b> {!hasChosen && <span className="quiet">{t("live.heldBack")}</span>}{" "}
                <button type="button" onClick={showNew}>
                  {t("act.show")} <Kbd keys="." />
                </button>
              </>
            ) : (
              alerts.data && !hasChosen && <span className="quiet figures">{isMany ? t("table.part", { n: rows.length, total: total ?? 0 }) : t("table.rows", { n: shownCount, total: rows.length })}</span>
            )}
            {/* Keys act on the row at hand too; the verbs stand here once something is chosen. */}
            <ActBar target={target} isShown={hasChosen}>
              <b>{t("table.chosen", { n: isAll ? shownCount : chosen.ids.size })}</b>
              {!isAll && chosen.ids.size < shownCount && (
                <button type="button" className="link" onClick={chooseAll}>
                  {t("table.chooseMatching", { n: shownCount })}
                </button>
              )}
              <button type="button" className="link" onClick={() => setSelection(NONE)}>
                {t("table.chooseNone")}
              </button>
            </ActBar>
          </div>
          <Read<unknown> of={isMany && (latest === null || asked.state === "failed") ? asked : alerts} what="page.alerts" rows={12}>
            {() =>
              items.length === 0 ? (
                <Nothing hidden={q === "" ? 0 : viewCount} hasView={view?.id !== "open"} onClear={() => setQ("")} />
              ) : (
                <AlertTable items={items} sort={sort} rowHeight={isPhone ? CARD_HEIGHT : ROW_HEIGHTS[settings.density]} isNarrow={opened !== null && !isPhone} cursor={cursor} opened={opened} chosen={chosen.ids} isAllChosen={isAll} total={total} onChoose={choose} onChooseAll={chooseAll} onEnd={onEnd} onSort={onSort} onCursor={(id) => {
                  setCursor(id);
                  if (opened !== null) setParams({ open: id }, true);
                }} onOpen={open} handle={table} />
              )
            }
          </Read>
          <p className="table-foot">
            <span className="keys quiet" aria-hidden="true">
              {(["next", "previous", "open", "select", "acknowledge", "silence", "why", "help"] as const).map((id) => (
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

/** Nothing is listed: because the filter hides it, because nothing can be seen, or because all is quiet. */
function Nothing({ hidden, hasView, onClear }: { hidden: number; hasView: boolean; onClear: () => void }): ReactNode {
  const t = useText();
  const place = usePlace();
  const sources = useList<Source>(paths.sources);
  const active = (sources.data?.items ?? []).filter((source) => source.state !== "disabled");
  const heard = active.flatMap((source) => (source.state !== "down" ? [] : source.last_success ? [Date.parse(source.last_success)] : [0]));
  const link = <Link href={hrefTo(place, "sources")}>{t("empty.openSources")}</Link>;
  if (hidden > 0) {
    return (
      <Empty mark="info" action={<button type="button" onClick={onClear}>{t("empty.clear")}</button>}>
        {t("empty.filter", { n: hidden })}
      </Empty>
    );
  }
  if (hasView) return <Empty mark="ok">{t("empty.view")}</Empty>;
  if (sources.state === "loading") return <Loading rows={2} />;
  if (sources.data && active.length === 0) return <Empty mark="unknown" action={link}>{t("empty.noSource")}</Empty>;
  if (sources.data && heard.length === active.length) {
    const last = Math.max(...heard);
    return <Empty mark="nodata" action={link}>{last === 0 ? t("empty.silentEver") : t.rich("empty.silent", {}, { at: <At at={last} /> })}</Empty>;
  }
  return <Empty mark="ok">{t("empty.quiet", { n: active.length - heard.length })}</Empty>;
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
