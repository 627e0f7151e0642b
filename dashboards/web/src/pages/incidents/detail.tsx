import { lazy, Suspense, useMemo, useState, type ReactNode } from "react";

import { centre, type Incident, type IncidentDetail, type WireMatcher } from "../../api/centre";
import { paths, type Delivery } from "../../api/shapes";
import { useList, useReading } from "../../api/store";
import { moment } from "../../format/time";
import { useText } from "../../i18n/text";
import { useKeys } from "../../keys/keymap";
import { markOfIncident } from "../../model/incident";
import { matcherOf, namesMatcher } from "../../model/matchers";
import { Icon } from "../../parts/icon";
import { Kbd } from "../../parts/kbd";
import { Provider, Shape } from "../../parts/mark";
import { useNow } from "../../parts/now";
import { Empty, Panel, Read } from "../../parts/panel";
import { Foreign } from "../../parts/text";
import { At, Lasting } from "../../parts/time";
import { useSettings } from "../../settings";
import { Link } from "../../shell/rail";
import { hrefTo, setParams, usePlace } from "../../url/state";
import { DeliveryRow } from "../alerts/delivery-row";
import { Why } from "../alerts/why";
import { useIncidentActs } from "./acts";
import { Members } from "./members";
import { MergeDialog } from "./merge";
import { OutagePanel } from "./outage";
import { Events, Timeline } from "./timeline";

const SilenceDialog = lazy(() => import("../silences/form"));

/** One incident: what, since when, who; what happened, what it is made of, and why it paged. */
export function IncidentDetailPage({ id }: { id: string }): ReactNode {
  const t = useText();
  const incident = useReading<IncidentDetail>(centre.incident(id), { every: 10_000, live: true });
  return (
    <>
      {incident.data === null && <h1 className="unseen">{t("page.incidents")}</h1>}
      {incident.state === "absent" ? (
        <Empty mark="unknown">{t("incident.gone")}</Empty>
      ) : (
        <Read of={incident} what="page.incidents" rows={10}>
          {(data) => <View incident={data} />}
        </Read>
      )}
    </>
  );
}

function View({ incident }: { incident: IncidentDetail }): ReactNode {
  const t = useText();
  const place = usePlace();
  const { zone } = useSettings().settings;
  const now = useNow();
  const acts = useIncidentActs();
  const others = useList<Incident>(`${centre.incidents}?state=open`, 10_000);
  const deliveries = useList<Delivery>(paths.deliveries);
  const [opened, setOpened] = useState<"silence" | "merge" | null>(place.params.get("silence") === "1" ? "silence" : null);
  const isOver = incident.state === "resolved";
  const isTaken = incident.acknowledged_by !== null;
  const until = incident.ends_at === null ? null : Date.parse(incident.ends_at);

  // Looked at as it was: nothing is done about the past.
  const asked = Number(place.params.get("at"));
  const at = Number.isFinite(asked) && asked > 0 ? asked : null;
  const members = useMemo(() => (at === null ? incident.members : incident.members.filter((member) => Date.parse(member.joined_at) <= at)), [incident, at]);
  const entries = useMemo(() => (at === null ? incident.timeline : incident.timeline.filter((entry) => Date.parse(entry.at) <= at)), [incident, at]);
  const why = place.params.get("why") ?? incident.members[0]?.id ?? null;
  const mine = (deliveries.data?.items ?? []).filter((delivery) => delivery.incident === incident.id || delivery.alerts.some((alert) => incident.members.some((member) => member.id === alert)));
  const canAct = !isOver && at === null;

  const open = (what: "silence" | "merge") => (): boolean => {
    if (!canAct) return false;
    setOpened(what);
    return true;
  };
  useKeys({
    acknowledge: () => (canAct ? (acts.acknowledge(incident), true) : false),
    silence: open("silence"),
    merge: open("merge"),
    why: () => document.querySelector<HTMLElement>("[data-why]")?.focus(),
    close: () => {
      if (at === null) return false;
      setParams({ at: null });
      return true;
    },
  });
  const mergeable = (others.data?.items ?? []).filter((other) => other.id !== incident.id && other.state !== "resolved");
  return (
    <div className={at === null ? "" : "replayed"}>
      <header className="sentence incident-head">
        <Shape mark={markOfIncident(incident)} alone className="s24" />
        <div>
          <h1 className="h2">
            <Foreign max={200}>{incident.title}</Foreign> <span className="tag">{t(`incident.state.${incident.state}`)}</span>
            {incident.outage && <span className="tag">{t(`outage.${incident.outage.level}`)}</span>}
          </h1>
          <p className="facts">
            <span>{t.rich("fact.since", {}, { at: <At at={Date.parse(incident.starts_at)} />, d: <Lasting since={Date.parse(incident.starts_at)} until={until} /> })}</span>
            {incident.cell && (
              <span>
                <Provider provider={incident.cell.provider} /> <Foreign max={80}>{[incident.cell.region, incident.cell.zone, incident.cell.service].filter(Boolean).join(" · ")}</Foreign>
              </span>
            )}
            <span>{t("incident.alerts", { open: incident.open_count, n: incident.alert_count })}</span>
            <span>{isTaken ? t.rich("own.has", {}, { name: <Foreign max={60}>{incident.acknowledged_by ?? ""}</Foreign> }) : isOver ? until !== null && t.rich("row.resolved", {}, { at: <At at={until} /> }) : <b className="nobody">{t("own.nobody")}</b>}</span>
            {incident.merged_into !== null && (
              <span>
                {t.rich("incident.mergedInto", {}, { id: <Link href={hrefTo(place, "incidents", { id: incident.merged_into })}><Foreign className="code">{incident.merged_into}</Foreign></Link> })}
              </span>
            )}
          </p>
          <p className="quiet small">
            {t("incident.reason")} <Foreign max={600}>{incident.reason}</Foreign>
          </p>
        </div>
        {canAct && (
          <p className="actions incident-acts">
            <button type="button" className={isTaken ? "" : "primary"} onClick={() => acts.acknowledge(incident)}>
              <Icon name="ack" /> {t(isTaken ? "act.unacknowledge" : "act.acknowledge")} <Kbd keys="a" />
            </button>
            <button type="button" onClick={open("silence")}>
              <Icon name="silence" /> {t("act.silenceThis")} <Kbd keys="s" />
            </button>
            <button type="button" onClick={open("merge")} disabled={mergeable.length === 0}>
              <Icon name="merge" /> {t("incident.mergeInto")} <Kbd keys="m" />
            </button>
          </p>
        )}
      </header>
      {at !== null && (
        <p className="banner replay-banner" role="status">
          {t("incident.asItWas", { t: moment(at, now, zone) })}{" "}
          <button type="button" onClick={() => setParams({ at: null })}>
            {t("incident.backToNow")}
          </button>
        </p>
      )}
      <div className="incident-body">
        <div>
          <Timeline incident={incident} entries={incident.timeline} at={at} onAt={(next) => setParams({ at: next === null ? null : `${next}` }, true)} />
          <Events entries={entries} total={incident.timeline.length} />
          <Members key={incident.id} incident={incident} members={members} why={why} onWhy={(member) => setParams({ why: member }, true)} onSplit={canAct ? (alerts) => acts.split(incident, alerts) : null} />
        </div>
        <div>
          {incident.outage && <OutagePanel outage={incident.outage} provider={incident.cell?.provider ?? ""} />}
          <Panel title={t("why.heading")} icon="why">
            <div className="panel-body" data-why tabIndex={-1}>
              {why === null ? (
                <p className="quiet">{t("why.none")}</p>
              ) : (
                <>
                  <p className="quiet small">
                    <Foreign max={80}>{incident.members.find((member) => member.id === why)?.name ?? why}</Foreign>
                  </p>
                  <Why alert={why} />
                </>
              )}
            </div>
          </Panel>
          <Panel title={t("delivery.title")} icon="send">
            <Read of={deliveries} what="delivery.title">
              {() =>
                mine.length === 0 ? (
                  <p className="panel-body quiet">{t("incident.noDelivery")}</p>
                ) : (
                  <ul className="receipts panel-body">
                    {mine.map((delivery) => (
                      <DeliveryRow key={delivery.id} delivery={delivery} />
                    ))}
                  </ul>
                )
              }
            </Read>
          </Panel>
        </div>
      </div>
      {opened === "merge" && <MergeDialog first={incident} others={mergeable} onMerge={acts.merge} onClose={() => setOpened(null)} />}
      {opened === "silence" && (
        <Suspense fallback={null}>
          <SilenceDialog
            matchers={silenceFor(incident)}
            rest={[]}
            labels={{}}
            wanted={incident.open_count}
            onClose={() => {
              setOpened(null);
              setParams({ silence: null }, true);
            }}
          />
        </Suspense>
      )}
    </div>
  );
}

/** Its place, and the names of its members where they are few. */
function silenceFor({ members, cell }: IncidentDetail): WireMatcher[] {
  return [
    ...namesMatcher(members.map((member) => member.name)),
    ...(cell ? [matcherOf("cloud_provider", "=", cell.provider)] : []),
    ...(cell ? [matcherOf("cloud_region", "=", cell.region)] : []),
    ...(cell?.service ? [matcherOf("resource_type", "=", cell.service)] : []),
  ];
}
