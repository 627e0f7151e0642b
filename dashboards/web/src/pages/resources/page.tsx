import { useLayoutEffect, useMemo, useRef, useState, type ReactNode } from "react";

import { paths, type Resource } from "../../api/shapes";
import { useList } from "../../api/store";
import { useText, type Key } from "../../i18n/text";
import { useKeys } from "../../keys/keymap";
import { spanOf } from "../../model/window";
import { Icon } from "../../parts/icon";
import { Provider, providerIn } from "../../parts/mark";
import { Empty, Panel, Read } from "../../parts/panel";
import { Foreign } from "../../parts/text";
import { Age } from "../../parts/time";
import { Link } from "../../shell/rail";
import { ROW_HEIGHTS, useSettings } from "../../settings";
import { hrefTo, setParams, usePlace } from "../../url/state";
import { filterResources, FIELDS, valuesOf, type Field } from "./list";
import { ResourcePage } from "./resource";

/** Everything that is watched, and one of it. */
export default function ResourcesPage(): ReactNode {
  const { params } = usePlace();
  const id = params.get("id");
  return id === undefined ? <List /> : <ResourcePage id={id} />;
}

function List(): ReactNode {
  const t = useText();
  const place = usePlace();
  const resources = useList<Resource>(paths.resources, 60_000);
  const search = useRef<HTMLInputElement>(null);
  useKeys({ search: () => search.current?.focus() });
  const all = useMemo(() => resources.data?.items ?? [], [resources.data]);
  const shown = useMemo(() => filterResources(all, place.params), [all, place.params]);
  return (
    <>
      <header className="sentence">
        <h1 className="h2">{resources.data ? t("resources.sentence", { n: resources.data.total }) : t("page.resources")}</h1>
      </header>
      <div className="filter-box">
        <Icon name="search" />
        <input ref={search} type="search" aria-label={t("resources.search")} placeholder={t("resources.search")} value={place.params.get("q") ?? ""} onChange={(event) => setParams({ q: event.target.value }, true)} />
        <span className="quiet figures filter-count">{resources.data ? t("filter.count", { shown: shown.length, total: all.length, hidden: all.length - shown.length }) : "…"}</span>
      </div>
      <div className="alerts-body">
        <div className="facets" role="group" aria-label={t("facet.label")}>
          {FIELDS.map((field) => (
            <FieldFacet key={field} field={field} all={all} />
          ))}
        </div>
        <Panel title={t("page.resources")} className="grow">
          <Read of={resources} what="page.resources" rows={12}>
            {() => (shown.length === 0 ? <Empty mark="info">{all.length === 0 ? t("resources.none") : t("resources.filtered", { n: all.length })}</Empty> : <Table resources={shown} />)}
          </Read>
        </Panel>
      </div>
    </>
  );
}

function FieldFacet({ field, all }: { field: Field; all: readonly Resource[] }): ReactNode {
  const t = useText();
  const { params } = usePlace();
  const values = useMemo(() => valuesOf(field, all, params), [field, all, params]);
  if (values.length === 0) return null;
  return (
    <section>
      <h3>{t(`field.${field}` as Key)}</h3>
      <ul>
        {values.slice(0, 12).map(({ value, count }) => {
          const isOn = params.get(field) === value;
          return (
            <li key={value}>
              <button type="button" role="checkbox" aria-checked={isOn} className="facet" onClick={() => setParams({ [field]: isOn ? null : value })}>
                <span className="box" aria-hidden="true">
                  {isOn && <Icon name="ack" />}
                </span>
                <span className="facet-name">{field === "provider" ? providerIn(t, value) : <Foreign max={28}>{value}</Foreign>}</span>
                <span className="figures">{t.number(count)}</span>
              </button>
            </li>
          );
        })}
        {values.length > 12 && <li className="quiet small">{t("facet.more", { n: values.length - 12 })}</li>}
      </ul>
    </section>
  );
}

const COLUMNS = 6;

function Table({ resources }: { resources: readonly Resource[] }): ReactNode {
  const t = useText();
  const place = usePlace();
  const { settings } = useSettings();
  const rowHeight = ROW_HEIGHTS[settings.density];
  const box = useRef<HTMLDivElement>(null);
  const [scroll, setScroll] = useState({ top: 0, height: 600 });
  const measure = (): void => {
    if (box.current) setScroll({ top: box.current.scrollTop, height: box.current.clientHeight });
  };
  useLayoutEffect(measure, []);
  const span = spanOf(scroll.top, scroll.height, rowHeight, resources.length);
  return (
    <div className="table-box tall" ref={box} onScroll={measure}>
      <table className="rows" aria-rowcount={resources.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col">{t("column.name")}</th>
            <th scope="col">{t("field.type")}</th>
            <th scope="col">{t("column.where")}</th>
            <th scope="col">{t("field.zone")}</th>
            <th scope="col">{t("field.service")}</th>
            <th scope="col" className="right">
              {t("column.seen")}
            </th>
          </tr>
        </thead>
        <tbody>
          {span.above > 0 && (
            <tr className="spacer" aria-hidden="true">
              <td colSpan={COLUMNS} style={{ height: span.above }} />
            </tr>
          )}
          {resources.slice(span.start, span.end).map((resource, index) => (
            <tr key={resource.id} aria-rowindex={span.start + index + 2}>
              <th scope="row">
                <Link href={hrefTo(place, "resources", { id: resource.id })}>
                  <Foreign max={60}>{resource.name || resource.native_id}</Foreign>
                </Link>
              </th>
              <td className="code">
                <Foreign max={40}>{resource.type}</Foreign>
              </td>
              <td>
                <Provider provider={resource.provider} /> <Foreign max={60}>{[resource.account, resource.region].filter(Boolean).join(" / ")}</Foreign>
              </td>
              <td>
                <Foreign max={24}>{resource.zone}</Foreign>
              </td>
              <td>
                <Foreign max={40}>{resource.service}</Foreign>
              </td>
              <td className="right">
                <Age since={Date.parse(resource.last_seen)} />
              </td>
            </tr>
          ))}
          {span.below > 0 && (
            <tr className="spacer" aria-hidden="true">
              <td colSpan={COLUMNS} style={{ height: span.below }} />
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}
