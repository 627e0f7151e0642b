import { useMemo, type ReactNode } from "react";

import { paths, type Alert, type Resource } from "../../api/shapes";
import { useList, useReading } from "../../api/store";
import { formatValue } from "../../format/value";
import { useText } from "../../i18n/text";
import { chipText } from "../../model/filter";
import { partsOf } from "../../model/provider";
import { bySeverity, isOpen, rowOf } from "../../model/row";
import { worst } from "../../model/severity";
import { Badge, Provider, Shape } from "../../parts/mark";
import { useNow } from "../../parts/now";
import { Empty, Panel, Read } from "../../parts/panel";
import { Foreign } from "../../parts/text";
import { Age, At, Lasting } from "../../parts/time";
import { Link } from "../../shell/rail";
import { hrefTo, usePlace } from "../../url/state";
import { Chart } from "../explore/chart";
import { seriesOf, type PromData, type Series } from "../explore/result";
import { goldenOf, selector, unitOf } from "./golden";

const MINUTE = 60;

/** One resource: who it is, how it does, its alerts and everything known about it. */
export function ResourcePage({ id }: { id: string }): ReactNode {
  const t = useText();
  const place = usePlace();
  const parts = partsOf(id);
  const resources = useReading<{ items: Resource[] }>(`${paths.resources}?q=${encodeURIComponent(id)}&limit=20`, { every: 60_000 });
  const resource = resources.data?.items.find((item) => item.id === id);
  const alerts = useList<Alert>(`${paths.alerts}?${new URLSearchParams({ q: chipText({ key: "resource_id", op: "=", value: id }) })}`);
  const rows = useMemo(() => (alerts.data?.items ?? []).map(rowOf).sort(bySeverity), [alerts.data]);
  const open = rows.filter(isOpen);
  const mark = worst(open.map((row) => row.mark));
  const since = Math.min(...open.map((row) => row.startsAt));
  return (
    <>
      <header className="sentence">
        <Shape mark={alerts.data ? mark : "unknown"} alone className="s24" />
        <div>
          <h1 className="h2">
            <Foreign>{(resource?.name ?? "") || (parts?.native ?? id)}</Foreign>
          </h1>
          <p className="facts">
            <span>{alerts.data ? (open.length === 0 ? t("resource.quiet") : t.rich("resource.open", { n: open.length }, { d: <Lasting since={since} /> })) : t("read.loading")}</span>
            {parts && (
              <span>
                <Provider provider={parts.provider} named /> <Foreign>{[parts.account, parts.region].filter(Boolean).map((part) => `/ ${part}`).join(" ")}</Foreign>
              </span>
            )}
            {parts && <Foreign className="code">{parts.type}</Foreign>}
            {resource && (
              <span>
                {t.rich("resource.seen", {}, { d: <Age since={Date.parse(resource.last_seen)} /> })}
              </span>
            )}
            <Link href={hrefTo(place, "resources")}>{t("resource.all")}</Link>
          </p>
        </div>
      </header>
      <Golden id={id} />
      <div className="overview-bottom">
        <Panel title={t("page.alerts")} aside={alerts.data && t("groups.alerts", { n: rows.length })}>
          <Read of={alerts} what="page.alerts">
            {() =>
              rows.length === 0 ? (
                <Empty mark="ok">{t("resource.noAlerts")}</Empty>
              ) : (
                <table className="lines">
                  <tbody>
                    {rows.slice(0, 20).map((row) => (
                      <tr key={row.id}>
                        <th scope="row">
                          <Badge mark={row.mark} /> <Link href={hrefTo(place, "alerts", { open: row.id })}><Foreign max={60}>{row.alert.name}</Foreign></Link>
                        </th>
                        <td className="figures">{row.alert.value === null ? "" : formatValue(row.alert.value, row.alert.threshold?.unit)}</td>
                        <td className="quiet">
                          <At at={row.startsAt} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              )
            }
          </Read>
        </Panel>
        <Panel title={t("resource.known")} className="wide2">
          <Read of={resources} what="page.resources">
            {() =>
              resource ? (
                <dl className="answers panel-body">
                  <dt>{t("resource.id")}</dt>
                  <dd>
                    <Foreign className="code" max={400}>{resource.id}</Foreign>
                  </dd>
                  {(["zone", "service"] as const).map(
                    (field) =>
                      resource[field] !== "" && (
                        <div key={field} className="contents">
                          <dt>{t(`field.${field}`)}</dt>
                          <dd>
                            <Foreign>{resource[field]}</Foreign>
                          </dd>
                        </div>
                      ),
                  )}
                  {Object.entries(resource.tags).map(([tag, value]) => (
                    <div key={tag} className="contents">
                      <dt>
                        <Foreign max={60}>{tag}</Foreign>
                      </dt>
                      <dd>
                        <Foreign>{value}</Foreign>
                      </dd>
                    </div>
                  ))}
                </dl>
              ) : (
                <Empty mark="unknown">{t("resource.gone")}</Empty>
              )
            }
          </Read>
        </Panel>
      </div>
    </>
  );
}

/** The metrics that say most, three by two. */
function Golden({ id }: { id: string }): ReactNode {
  const t = useText();
  const now = useNow();
  const to = Math.floor(now / 60_000) * MINUTE;
  const since = Math.floor(to / 600) * 600 - 3600;
  const series = useReading<{ data: Record<string, string>[] }>(`/api/v1/series?${new URLSearchParams({ "match[]": `{resource_id=${JSON.stringify(id)}}`, start: `${since}`, end: `${since + 4200}` })}`, { every: 600_000 });
  return (
    <Panel title={t("resource.golden")} aside={t("range.1h")}>
      <Read of={series} what="resource.golden" rows={6}>
        {(data) => {
          const names = goldenOf(data.data.map((labels) => labels["__name__"] ?? "").filter((name) => name !== ""));
          if (names.length === 0) return <Empty mark="nodata">{t("resource.noMetrics")}</Empty>;
          return (
            <div className="golden">
              {names.map((name) => (
                <Metric key={name} name={name} id={id} to={to} />
              ))}
            </div>
          );
        }}
      </Read>
    </Panel>
  );
}

function Metric({ name, id, to }: { name: string; id: string; to: number }): ReactNode {
  const t = useText();
  const place = usePlace();
  const expr = selector(name, id);
  const from = to - 3600;
  const reading = useReading<{ data: PromData }>(`/api/v1/query_range?${new URLSearchParams({ query: expr, start: `${from}`, end: `${to}`, step: `${MINUTE}` })}`);
  const unit = unitOf(name);
  const format = useMemo(() => (value: number): string => formatValue(value, unit), [unit]);
  const series = useMemo(() => (reading.data ? shortNames(seriesOf(reading.data.data)) : []), [reading.data]);
  return (
    <figure>
      <figcaption>
        <Link href={hrefTo(place, "explore", { expr })}>
          <Foreign className="code" max={60}>{name}</Foreign>
        </Link>
      </figcaption>
      <Read of={reading} what="resource.golden" rows={3}>
        {() => (series.length === 0 ? <Empty mark="nodata">{t("spark.none")}</Empty> : <Chart series={series} from={from} to={to} step={MINUTE} format={format} height={130} />)}
      </Read>
    </figure>
  );
}

/** What tells series of one metric and one resource apart: the labels in which they differ. */
function shortNames(all: readonly Series[]): Series[] {
  const labels = [...new Set(all.flatMap((one) => Object.keys(one.labels)))];
  const differing = labels.filter((label) => new Set(all.map((one) => one.labels[label])).size > 1);
  return all.map((one) => {
    const name = differing.flatMap((label) => (one.labels[label] === undefined ? [] : [`${label}=${one.labels[label]}`])).join(" ");
    return { ...one, name: name || (one.labels["__name__"] ?? one.name) };
  });
}
