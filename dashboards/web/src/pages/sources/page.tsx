import { useState, type ReactNode } from "react";

import { paths, type Coverage, type Source, type SourceDetail } from "../../api/shapes";
import { useList, useReading, type Reading } from "../../api/store";
import { lag } from "../../format/time";
import { money } from "../../format/value";
import { useText } from "../../i18n/text";
import { useKeys } from "../../keys/keymap";
import { providerName } from "../../model/provider";
import { bills, markOfSource, troubleFirst } from "../../model/source";
import { Bar, Share } from "../../parts/bar";
import { FreshnessStrip } from "../../parts/freshness";
import { Shape } from "../../parts/mark";
import { Empty, Loading, Panel, Read } from "../../parts/panel";
import { Foreign } from "../../parts/text";
import { Link } from "../../shell/rail";
import { hrefTo, setParams, usePlace } from "../../url/state";
import { CoverageReport } from "./coverage";
import { SourceSide } from "./detail";
import { coverageOf, countsOf } from "./sentence";

const DETAIL_EVERY = 30_000;

/** Whether data comes in, what it costs, and how much of it has one name. */
export function SourcesPage(): ReactNode {
  const t = useText();
  const place = usePlace();
  const opened = place.params.get("open") ?? null;
  const report = place.params.get("coverage") !== undefined;
  const sources = useList<Source>(paths.sources, 10_000);
  const coverage = useReading<{ items: Coverage[]; total: number }>(paths.coverage, { every: 60_000, list: true });
  useKeys({
    close: () => {
      if (opened === null) return false;
      setParams({ open: null });
      return true;
    },
  });
  if (report) return <CoverageReport coverage={coverage} />;
  return (
    <div className={opened ? "with-side" : ""}>
      <div className="sources-main">
        <SourcesSentence sources={sources} />
        <div className="cards">
          <Panel title={t("cost.title")} icon="money" aside={t("cost.month")}>
            <Read of={sources} what="cost.title">
              {(data) => <CostCard sources={data.items} />}
            </Read>
          </Panel>
          <Panel title={t("coverage.title")} aside={t("coverage.aside")}>
            <Read of={coverage} what="coverage.title">
              {(data) => <CoverageCard items={data.items} href={hrefTo(place, "sources", { coverage: "unmapped" })} />}
            </Read>
          </Panel>
        </div>
        <Panel title={t("sources.all")} aside={t("fresh.aside")}>
          <Read of={sources} what="page.sources" rows={6}>
            {(data) => (data.items.length === 0 ? <Empty mark="unknown">{t("empty.noSource")}</Empty> : <SourceTable sources={data.items} opened={opened} />)}
          </Read>
          <p className="legend panel-foot">
            <span>
              <FreshnessStrip blocks={["full"]} /> {t("fresh.full")}
            </span>
            <span>
              <FreshnessStrip blocks={["partial"]} /> {t("fresh.partial")}
            </span>
            <span>
              <FreshnessStrip blocks={["none"]} /> {t("fresh.none")}
            </span>
            <span>
              <FreshnessStrip blocks={["unknown"]} /> {t("fresh.unknown")}
            </span>
          </p>
        </Panel>
      </div>
      {opened !== null && <SourceSide name={opened} onClose={() => setParams({ open: null })} />}
    </div>
  );
}

function SourcesSentence({ sources }: { sources: Reading<{ items: Source[] }> }): ReactNode {
  const t = useText();
  if (!sources.data) return <header className="sentence">{sources.state === "loading" ? <Loading rows={1} /> : <h1 className="h2">{t("page.sources")}</h1>}</header>;
  const { mark, total, states } = countsOf(sources.data.items);
  const list = states.map(({ state, n }) => t("sources.part", { n, state: t.word("source.state.in", state) })).join(t("list.comma"));
  return (
    <header className="sentence">
      <Shape mark={mark} alone className="s24" />
      <h1 className="h2">{total === 0 ? t("empty.noSource") : t("sources.sentence", { n: total, list })}</h1>
    </header>
  );
}

function CostCard({ sources }: { sources: readonly Source[] }): ReactNode {
  const t = useText();
  const all = bills(sources);
  if (all.length === 0) return <p className="panel-body quiet">{t("cost.none")}</p>;
  return (
    <div className="panel-body">
      {all.map((bill) => (
        <div key={bill.currency} className="bill">
          <p>
            <span className="figure">{money(bill.projected, bill.currency)}</span> {t("cost.projected")}
            <span className="quiet end">{t("cost.calls", { n: bill.calls })}</span>
          </p>
          <Bar parts={bill.sources.map((source) => ({ name: source.name, size: source.projected }))} label={t("cost.bySource")} />
          <p className="legend">
            {bill.sources.map((source, index) => (
              <span key={source.name}>
                <i className={`swatch s${(index % 8) + 1}`} aria-hidden="true" /> <Foreign max={24}>{source.name}</Foreign> {money(source.projected, bill.currency)}
              </span>
            ))}
          </p>
        </div>
      ))}
    </div>
  );
}

function CoverageCard({ items, href }: { items: readonly Coverage[]; href: string }): ReactNode {
  const t = useText();
  const providers = coverageOf(items);
  const unmapped = providers.reduce((sum, provider) => sum + provider.unmapped, 0);
  if (providers.length === 0) return <p className="panel-body quiet">{t("coverage.none")}</p>;
  return (
    <div className="panel-body">
      <table className="lines shares">
        <tbody>
          {providers.map(({ provider, mapped, unmapped: raw }) => (
            <tr key={provider}>
              <th scope="row">{providerName(provider)}</th>
              <td className="share-cell">
                <Share share={mapped / (mapped + raw)} label={t("coverage.share", { mapped, n: mapped + raw })} />
              </td>
              <td className="figures right">{`${Math.floor((mapped / (mapped + raw)) * 100)} %`}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="small">
        {t("coverage.unmapped", { n: unmapped })} · <Link href={href}>{t("coverage.report")}</Link>
      </p>
    </div>
  );
}

function SourceTable({ sources, opened }: { sources: readonly Source[]; opened: string | null }): ReactNode {
  const t = useText();
  const [names] = useState(() => new Set<string>());
  // Rows keep their place while the page is open: trouble goes first when it is opened, not when it happens.
  const sorted = troubleFirst(sources);
  for (const source of sorted) names.add(source.name);
  const byName = new Map(sources.map((source) => [source.name, source]));
  const rows = [...names].flatMap((name) => byName.get(name) ?? []);
  return (
    <table className="rows sources">
      <thead>
        <tr>
          <th scope="col">{t("column.source")}</th>
          <th scope="col">{t("column.kind")}</th>
          <th scope="col">{t("column.state")}</th>
          <th scope="col" className="right">
            {t("column.lag")}
          </th>
          <th scope="col">{t("column.fresh")}</th>
          <th scope="col" className="right">
            {t("column.mapped")}
          </th>
          <th scope="col" className="right">
            {t("column.samples")}
          </th>
          <th scope="col" className="right">
            {t("column.calls")}
          </th>
          <th scope="col" className="right">
            {t("column.cost")}
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((source) => (
          <SourceRow key={source.name} source={source} isOpen={source.name === opened} />
        ))}
      </tbody>
    </table>
  );
}

function SourceRow({ source, isOpen }: { source: Source; isOpen: boolean }): ReactNode {
  const t = useText();
  const place = usePlace();
  const detail = useReading<SourceDetail>(paths.source(source.name), { every: DETAIL_EVERY });
  const mapped = detail.data?.coverage;
  return (
    <tr className={`${source.state === "up" ? "" : "troubled"} ${isOpen ? "open" : ""}`}>
      <th scope="row">
        <Link href={hrefTo(place, "sources", { open: source.name })}>
          <Foreign max={40}>{source.name}</Foreign>
        </Link>
      </th>
      <td className="code quiet">{source.kind}</td>
      <td className="c-state">
        <Shape mark={markOfSource(source)} /> <b>{t.word("source.state", source.state)}</b> {source.reason && <Foreign className="quiet" max={90}>{source.reason}</Foreign>}
      </td>
      <td className="figures right">{source.lag_seconds === null ? t("source.noData") : lag(source.lag_seconds, t.language)}</td>
      <td>{detail.data?.freshness ? <FreshnessStrip blocks={detail.data.freshness} /> : <span className="quiet">{detail.state === "loading" ? "…" : t("source.notKnown")}</span>}</td>
      <td className="figures right">{mapped && mapped.mapped + mapped.unmapped > 0 ? `${Math.floor((mapped.mapped / (mapped.mapped + mapped.unmapped)) * 100)} %` : <span className="quiet">{t("source.notKnown")}</span>}</td>
      <td className="figures right">{t.number(source.samples_last_cycle)}</td>
      <td className="figures right">{source.cost ? t.number(source.cost.calls) : "—"}</td>
      <td className="figures right">{source.cost ? <b>{money(source.cost.projected_month, source.cost.currency)}</b> : <span className="quiet">{t("cost.free")}</span>}</td>
    </tr>
  );
}
