import { useCallback, useEffect, useImperativeHandle, useLayoutEffect, useRef, useState, type KeyboardEvent, type ReactNode, type Ref } from "react";

import { visible } from "../../format/untrusted";
import { formatValue } from "../../format/value";
import { useText } from "../../i18n/text";
import type { Row, Sort, SortKey } from "../../model/row";
import { scrollTo, spanOf } from "../../model/window";
import { Badge, Provider } from "../../parts/mark";
import { HourSpark } from "../../parts/series";
import { Foreign } from "../../parts/text";
import { Age, At } from "../../parts/time";
import type { Item } from "./items";

/** Letters of an account in a row: enough to tell two apart; all of it stands beside the list. */
const ACCOUNT_MAX = 6;
/** Columns that stay when there is little room. */
const NARROW = 5;
/** Rows below the last one in sight for which more are read. */
const AHEAD = 40;

const COLUMNS: { key: SortKey | null; name: "severity" | "what" | "where" | "since" | "value" | "limit" | "hour" | "owner" | "incident"; sort: SortKey | null; right?: boolean }[] = [
  { name: "severity", key: "severity", sort: "severity" },
  { name: "what", key: "name", sort: "name" },
  { name: "where", key: "where", sort: "where" },
  { name: "since", key: "since", sort: "since" },
  { name: "value", key: "value", sort: "value", right: true },
  { name: "limit", key: null, sort: null },
  { name: "hour", key: null, sort: null },
  { name: "owner", key: null, sort: null },
  { name: "incident", key: null, sort: null },
];

export interface TableHandle {
  move: (by: number) => void;
  focus: () => void;
}

interface Props {
  items: readonly Item[];
  sort: Sort;
  rowHeight: number;
  /** Something stands beside it: what the list can spare is left out. */
  isNarrow: boolean;
  cursor: string | null;
  opened: string | null;
  /** Ids that are chosen. */
  chosen: ReadonlySet<string>;
  isAllChosen: boolean;
  /** How many there are, where not all of them are here; null where they are. */
  total: number | null;
  onChoose: (id: string, isRange: boolean) => void;
  onChooseAll: () => void;
  /** The end of what is here comes in sight. */
  onEnd: () => void;
  onSort: (key: SortKey) => void;
  onCursor: (id: string) => void;
  onOpen: (id: string) => void;
  handle: Ref<TableHandle>;
}

/** The row at a place; from the head of a group the next one in the direction, at the ends the nearest there is. */
function nextRow(items: readonly Item[], place: number, by: number): number {
  const wanted = Math.max(0, Math.min(items.length - 1, place));
  const step = by < 0 ? -1 : 1;
  for (const direction of [step, -step]) {
    for (let at = wanted; at >= 0 && at < items.length; at += direction) if (items[at]?.kind === "row") return at;
  }
  return wanted;
}

const idOf = (item: Item | undefined): string | null => (item?.kind === "row" ? item.row.id : null);

/** A long table of which only what is near the eye is in the page. The cursor's row takes the focus. */
export function AlertTable({ items, sort, rowHeight, isNarrow, cursor, opened, chosen, isAllChosen, total, onChoose, onChooseAll, onEnd, onSort, onCursor, onOpen, handle }: Props): ReactNode {
  const t = useText();
  const columns = isNarrow ? COLUMNS.slice(0, NARROW) : COLUMNS;
  const box = useRef<HTMLDivElement>(null);
  const [scroll, setScroll] = useState({ top: 0, height: 600 });
  const wantsFocus = useRef(false);
  const span = spanOf(scroll.top, scroll.height, rowHeight, items.length);

  const isNearEnd = span.end >= items.length - AHEAD;
  useEffect(() => {
    if (isNearEnd) onEnd();
  }, [isNearEnd, items.length, onEnd]);

  const measure = useCallback(() => {
    const element = box.current;
    if (element) setScroll({ top: element.scrollTop, height: element.clientHeight });
  }, []);
  useLayoutEffect(() => {
    measure();
    const watcher = new ResizeObserver(measure);
    if (box.current) watcher.observe(box.current);
    return () => watcher.disconnect();
  }, [measure]);

  const at = items.findIndex((item) => idOf(item) === cursor);
  const goTo = (index: number): void => {
    const id = idOf(items[index]);
    const element = box.current;
    if (id === null || !element) return;
    element.scrollTop = scrollTo(index, element.scrollTop, element.clientHeight - rowHeight, rowHeight);
    measure();
    wantsFocus.current = true;
    onCursor(id);
  };
  const move = (by: number): void => {
    goTo(nextRow(items, at < 0 && by < 0 ? items.length - 1 : at + by, by));
  };
  useImperativeHandle(handle, () => ({ move, focus: () => goTo(Math.max(0, at)) }));
  useEffect(() => {
    if (!wantsFocus.current) return;
    const row = box.current?.querySelector<HTMLElement>("tr[data-cursor]");
    if (row) {
      wantsFocus.current = false;
      row.focus({ preventScroll: true });
    }
  });

  const onKey = (event: KeyboardEvent): void => {
    if (event.target instanceof HTMLButtonElement || event.target instanceof HTMLAnchorElement) return;
    const page = Math.max(1, Math.floor(scroll.height / rowHeight) - 2);
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (event.key === "PageDown") move(page);
    else if (event.key === "PageUp") move(-page);
    else if (event.key === "Home") move(-items.length);
    else if (event.key === "End") move(items.length);
    else if (event.key === "Enter" && cursor !== null) onOpen(cursor);
    else return;
    event.preventDefault();
  };
  const firstRow = idOf(items.find((item) => item.kind === "row"));
  const tabbable = at >= span.start && at < span.end ? cursor : (idOf(items.slice(span.start, span.end).find((item) => item.kind === "row")) ?? firstRow);
  return (
    <div className="table-box" ref={box} onScroll={measure}>
      <table className="rows alerts" role="grid" aria-label={t("page.alerts")} aria-multiselectable="true" aria-rowcount={(total ?? items.length) + 1} onKeyDown={onKey}>
        <thead role="rowgroup">
          <tr role="row" aria-rowindex={1}>
            <th role="columnheader" scope="col" className="c-choose">
              <input type="checkbox" aria-label={t("table.chooseAll")} checked={isAllChosen} onChange={onChooseAll} />
            </th>
            {columns.map((column) => (
              <th key={column.name} role="columnheader" scope="col" className={`c-${column.name} ${column.right ? "right" : ""}`} aria-sort={column.key === sort.key ? (sort.descending ? "descending" : "ascending") : undefined}>
                {column.sort ? (
                  <button type="button" className="bare" onClick={() => column.sort && onSort(column.sort)}>
                    {t(`column.${column.name}`)} {column.key === sort.key && <span aria-hidden="true">{sort.descending ? "↑" : "↓"}</span>}
                  </button>
                ) : (
                  t(`column.${column.name}`)
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {span.above > 0 && (
            <tr aria-hidden="true" className="spacer">
              <td colSpan={columns.length + 1} style={{ height: span.above }} />
            </tr>
          )}
          {items.slice(span.start, span.end).map((item, index) =>
            item.kind === "head" ? (
              <tr key={`head ${item.value}`} className="group-head" role="row" aria-rowindex={span.start + index + 2}>
                <th role="rowheader" scope="rowgroup" colSpan={columns.length + 1}>
                  <Badge mark={item.mark} /> {item.value === "" ? t("group.none") : item.value === "nobody" ? t("own.none") : <Foreign max={80}>{item.value}</Foreign>}
                  <span className="quiet">{t("groups.alerts", { n: item.count })}</span>
                </th>
              </tr>
            ) : (
              <AlertRow
                key={item.row.id}
                row={item.row}
                leftAt={item.since}
                index={span.start + index + 2}
                isCursor={item.row.id === cursor}
                isOpen={item.row.id === opened}
                tabbable={item.row.id === tabbable}
                isNarrow={isNarrow}
                isChosen={isAllChosen || chosen.has(item.row.id)}
                onChoose={onChoose}
                onOpen={onOpen}
              />
            ),
          )}
          {span.below > 0 && (
            <tr aria-hidden="true" className="spacer">
              <td colSpan={columns.length + 1} style={{ height: span.below }} />
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  row: Row;
  leftAt: number | null;
  index: number;
  isCursor: boolean;
  isOpen: boolean;
  tabbable: boolean;
  isNarrow: boolean;
  isChosen: boolean;
  onChoose: (id: string, isRange: boolean) => void;
  onOpen: (id: string) => void;
}

function AlertRow({ row, leftAt, index, isCursor, isOpen, tabbable, isNarrow, isChosen, onChoose, onOpen }: RowProps): ReactNode {
  const t = useText();
  const { alert } = row;
  const unit = alert.threshold?.unit;
  const names = [`edge-${row.mark}`, row.isHeld ? "held" : "", row.owner ? "owned" : "", isOpen ? "open" : "", leftAt !== null ? "left" : "", alert.state];
  return (
    <tr role="row" className={names.join(" ")} aria-rowindex={index} aria-selected={isChosen} data-cursor={isCursor || undefined} tabIndex={tabbable ? 0 : -1} onClick={() => onOpen(row.id)}>
      <td role="gridcell" className="c-choose" onClick={(event) => event.stopPropagation()}>
        <input type="checkbox" tabIndex={-1} aria-label={t("table.choose", { name: visible(alert.name).slice(0, 80) })} checked={isChosen} onChange={(event) => onChoose(row.id, (event.nativeEvent as MouseEvent).shiftKey)} />
      </td>
      <td role="gridcell" className="c-severity">
        <Badge mark={row.mark} outline={alert.state === "pending"} />
      </td>
      <td role="gridcell" className="c-what">
        <Foreign className="what" max={80}>{alert.name}</Foreign>
        {alert.state === "pending" && <span className="tag">{t("tag.pending")}</span>}
        {row.isHeld && <span className="tag">{t(alert.snoozed_until ? "tag.snoozed" : alert.silenced_by.length > 0 ? "tag.silenced" : "tag.held")}</span>}
        {alert.flapping && <span className="tag">{t("tag.flapping")}</span>}
        {!alert.verified && <span className="tag">{t("tag.unverified")}</span>}
        {(alert.native?.length ?? 0) > 0 && <span className="tag" title={t("tag.nativeTip")}>{t("tag.native", { n: alert.native?.length ?? 0 })}</span>}
      </td>
      <td role="gridcell" className="c-where">
        <div className="place">
          <Provider provider={row.provider} />
          {row.account && !isNarrow && <Foreign className="account" max={ACCOUNT_MAX}>{row.account}</Foreign>}
          {row.region && !isNarrow && <Foreign className="region" max={40}>{row.region}</Foreign>}
          <Foreign className="resource" max={48}>{row.resource}</Foreign>
        </div>
      </td>
      <td role="gridcell" className="c-since">
        {leftAt !== null && row.endsAt !== null ? (
          <s>{t.rich("row.resolved", {}, { at: <At at={row.endsAt} /> })}</s>
        ) : (
          <>
            <At at={row.startsAt} /> <Age since={row.startsAt} until={row.endsAt} />
          </>
        )}
      </td>
      <td role="gridcell" className="c-value right">{alert.state === "no_data" ? t("mark.nodata") : alert.value === null ? "—" : formatValue(alert.value, unit)}</td>
      {!isNarrow && (
        <>
          <td role="gridcell" className="c-limit">{alert.threshold ? `${alert.threshold.operator} ${formatValue(alert.threshold.value, unit)}` : "—"}</td>
          <td role="gridcell" className="c-hour">
            <HourSpark expression={alert.expression} threshold={alert.threshold} tone={row.mark} />
          </td>
          <td role="gridcell" className="c-owner">{row.owner ? <Foreign max={30}>{row.owner}</Foreign> : alert.state === "resolved" ? "—" : <b className="nobody">{t("own.none")}</b>}</td>
          <td role="gridcell" className="c-incident code">{alert.incident ? <Foreign max={12}>{alert.incident}</Foreign> : "—"}</td>
        </>
      )}
    </tr>
  );
}
