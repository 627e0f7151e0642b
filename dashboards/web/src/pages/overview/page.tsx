import { useMemo, type ReactNode } from "react";

import { centre, type Incident } from "../../api/centre";
import { useAlertRows } from "../../api/rows";
import { paths, type Delivery, type Overview, type Proposal, type Source } from "../../api/shapes";
import { useList, useReading } from "../../api/store";
import { useText } from "../../i18n/text";
import { incidentsIn } from "../../model/incident";
import { providerName } from "../../model/provider";
import { isOpen } from "../../model/row";
import { summaryOf } from "../../model/summary";
import { Shape } from "../../parts/mark";
import { Loading, Panel, Read } from "../../parts/panel";
import { At, Lasting } from "../../parts/time";
import { Foreign } from "../../parts/text";
import { Link } from "../../shell/rail";
import { hrefTo, usePlace } from "../../url/state";
import { Collectors } from "./collectors";
import { CostPanel } from "./cost";
import { DeliveryPanel } from "./delivery";
import { Groups } from "./groups";
import { Incidents } from "./incidents";
import { Matrix } from "./matrix";
import { Next } from "./next";
import { outageIn, sentenceOf } from "./sentence";

/** What is wrong, since when, who has it; where; what happens next; whether pages go out and data comes in. */
export function OverviewPage(): ReactNode {
  const t = useText();
  const place = usePlace();
  const { alerts, rows: all } = useAlertRows();
  const sources = useList<Source>(paths.sources);
  const deliveries = useList<Delivery>(paths.deliveries);
  const proposals = useList<Proposal>(paths.runbooks);
  const overview = useReading<Overview>(paths.overview, { every: 10_000, live: true });
  // What is pending is told to nobody yet.
  const rows = useMemo(() => all.filter((row) => isOpen(row) && row.alert.state !== "pending"), [all]);
  const incidents = useList<Incident>(`${centre.incidents}?state=open`, 10_000);
  const standing = useMemo(() => incidentsIn("open", incidents.data?.items ?? []), [incidents.data]);
  const outage = outageIn(standing);
  const known = alerts.data !== null && sources.data !== null;
  const sentence = useMemo(
    () =>
      known ? sentenceOf({ rows, sources: sources.data?.items ?? [], overview: overview.data, incidents: standing, summary: alerts.data?.counted ? summaryOf(alerts.data) : null }) : null,
    [known, rows, sources.data, overview.data, standing, alerts.data],
  );
  return (
    <>
      <header className="sentence">
        {sentence ? (
          <>
            <Shape mark={sentence.mark} alone className="s24" />
            <div>
              <h1>
                {sentence.parts.map((part) => t(part.key, part.params)).join(t.language === "zh" ? "" : " ")}{" "}
                {sentence.unowned && <span className="nobody">{t(sentence.unowned.key, sentence.unowned.params)}</span>}
              </h1>
              <p className="facts">
                {sentence.since !== null && (
                  <span>
                    {t.rich("fact.since", {}, { at: <At at={sentence.since} />, d: <Lasting since={sentence.since} /> })}
                  </span>
                )}
                {outage && (
                  <span>
                    {outage.outage.level === "confirmed"
                      ? t("fact.outage.confirmed", { provider: providerName(outage.cell?.provider ?? "") })
                      : t("fact.outage.suspected", { n: new Set(outage.outage.evidence.map((piece) => piece.class)).size })}
                  </span>
                )}
                {outage?.outage.cause === "provider" && outage.outage.evidence.every((piece) => piece.class !== "notice") && <span>{t("fact.noNotice", { provider: providerName(outage.cell?.provider ?? "") })}</span>}
                {sentence.ground && <span>{t(sentence.ground.key, sentence.ground.params)}</span>}
                {sentence.notObserved.length > 0 && <span>{t.rich("fact.notObserved", {}, { names: <Foreign>{sentence.notObserved.join(", ")}</Foreign> })}</span>}
                {sentence.since === null && sentence.notObserved.length === 0 && <span>{t("fact.sources", { n: (sources.data?.items ?? []).filter((source) => source.state === "up").length })}</span>}
              </p>
            </div>
          </>
        ) : alerts.state === "failed" || sources.state === "failed" ? (
          <>
            <Shape mark="unknown" alone className="s24" />
            <h1>{t("state.unread")}</h1>
          </>
        ) : (
          <Loading rows={2} />
        )}
      </header>
      <div className="overview-top">
        <div className="panel stack">
          {standing.length > 0 ? (
            <Incidents incidents={standing} />
          ) : (
            <Panel
              title={t("groups.title")}
              className="flat"
              aside={alerts.data && <Link href={hrefTo(place, "alerts")}>{t("groups.open", { n: rows.length })}</Link>}
            >
              <Read of={alerts} what="page.alerts" rows={6}>
                {() => <Groups rows={rows} />}
              </Read>
            </Panel>
          )}
          <Panel title={t("next.title")} className="flat" aside={t("next.ifNobody")}>
            <Next proposals={proposals} deliveries={deliveries} />
          </Panel>
        </div>
        <Panel title={t("matrix.title")} className="matrix-panel" aside={t("matrix.aside")}>
          <Read of={overview} what="matrix.title" rows={8}>
            {(data) => <Matrix cells={data.matrix} />}
          </Read>
        </Panel>
      </div>
      <div className="overview-bottom">
        <Panel title={t("delivery.title")} icon="send" aside={t("delivery.lastHour")}>
          <Read of={deliveries} what="delivery.title">
            {(data) => <DeliveryPanel deliveries={data.items} />}
          </Read>
        </Panel>
        <Panel title={t("collectors.title")} icon="sources" aside={sources.data && <Link href={hrefTo(place, "sources")}>{t("collectors.count", { n: sources.data.items.length, up: sources.data.items.filter((source) => source.state === "up").length })}</Link>}>
          <Read of={sources} what="collectors.title">
            {(data) => <Collectors sources={data.items} />}
          </Read>
        </Panel>
        <Panel title={t("cost.title")} icon="money" aside={t("cost.month")}>
          <Read of={sources} what="cost.title">
            {(data) => <CostPanel sources={data.items} />}
          </Read>
        </Panel>
      </div>
    </>
  );
}
