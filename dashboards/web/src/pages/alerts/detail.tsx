import { type MouseEvent, type ReactNode } from "react";

import { paths, type Alert, type Delivery, type Proposal } from "../../api/shapes";
import { useList, useReading } from "../../api/store";
import { safeLink, visible } from "../../format/untrusted";
import { formatValue } from "../../format/value";
import { useText } from "../../i18n/text";
import { toggleChip } from "../../model/filter";
import { rowOf, type Row } from "../../model/row";
import { Icon } from "../../parts/icon";
import { Badge, Provider, Shape } from "../../parts/mark";
import { Empty, Read } from "../../parts/panel";
import { HourSpark } from "../../parts/series";
import { Side } from "../../parts/side";
import { Foreign } from "../../parts/text";
import { At, Countdown, Lasting } from "../../parts/time";
import { Link } from "../../shell/rail";
import { hrefTo, setParams, usePlace } from "../../url/state";
import { ActBar } from "./act-bar";
import { DeliveryRow } from "./delivery-row";
import { Why } from "./why";

/** One alert: what, where, since, how bad, who has it and what comes next, without a click. */
export function Detail({ id, row, onClose }: { id: string; row: Row | undefined; onClose: () => void }): ReactNode {
  const t = useText();
  // What is not in the list any more may still be known.
  const single = useReading<Alert>(row ? null : `${paths.alerts}/${encodeURIComponent(id)}`, { every: 15_000, live: true });
  const found = row ?? (single.data ? rowOf(single.data) : undefined);
  return (
    <Side label={t("detail.label")} focusKey={id} onClose={onClose}>
      {found ? (
        <Answers row={found} />
      ) : single.state === "absent" ? (
        <Empty mark="unknown">{t("detail.gone")}</Empty>
      ) : (
        <Read of={single} what="detail.label">
          {() => null}
        </Read>
      )}
    </Side>
  );
}

function Answers({ row }: { row: Row }): ReactNode {
  const t = useText();
  const place = usePlace();
  const { alert } = row;
  const unit = alert.threshold?.unit;
  const summary = alert.annotations["summary"] ?? alert.annotations["description"];
  const runbook = safeLink(alert.annotations["runbook_url"]);
  return (
    <>
      <p className="side-kicker">
        <Badge mark={row.mark} outline={alert.state === "pending"} />
        <span className="tag">{t.word("state.word", alert.state)}</span>
        {row.isHeld && <span className="tag">{t("tag.held")}</span>}
        {alert.flapping && <span className="tag">{t("tag.flapping")}</span>}
        {!alert.verified && <span className="tag">{t("tag.unverified")}</span>}
      </p>
      <h2 data-title tabIndex={-1} className="side-title">
        <Foreign>{alert.name}</Foreign>
      </h2>
      {summary && (
        <p className="side-summary">
          <Foreign max={400}>{summary}</Foreign>
        </p>
      )}
      <dl className="answers">
        <dt>{t("column.where")}</dt>
        <dd>
          <Provider provider={row.provider} /> {[row.account, row.region].filter(Boolean).map((part, index) => (
            <span key={index}>
              <Foreign>{part}</Foreign> /{" "}
            </span>
          ))}
          {alert.resource ? (
            <Link href={hrefTo(place, "resources", { id: alert.resource })}>
              <Foreign>{row.resource}</Foreign>
            </Link>
          ) : (
            <Foreign>{row.resource}</Foreign>
          )}
          {row.service && <span className="dot">{t.rich("detail.service", {}, { name: <Foreign>{row.service}</Foreign> })}</span>}
        </dd>
        <dt>{t("column.since")}</dt>
        <dd>
          <At at={row.startsAt} /> · <Lasting since={row.startsAt} until={row.endsAt} />
          {row.endsAt !== null && <span className="dot">{t.rich("row.resolved", {}, { at: <At at={row.endsAt} /> })}</span>}
        </dd>
        <dt>{t("detail.howBad")}</dt>
        <dd>
          <b>{alert.state === "no_data" ? t("mark.nodata") : alert.value === null ? t("detail.noValue") : formatValue(alert.value, unit)}</b>
          {alert.threshold && <span className="quiet"> {t("detail.limit", { op: alert.threshold.operator, limit: formatValue(alert.threshold.value, unit) })}</span>}
          <span className="dot">{t.word("class", alert.class)}</span>
          <span className="dot">{t("detail.domain", { domain: t.word("domain", alert.failure_domain) })}</span>
        </dd>
        <dt>{t("detail.who")}</dt>
        <dd>{row.owner ? t.rich("own.has", {}, { name: <Foreign>{row.owner}</Foreign> }) : <b className="nobody">{t("own.nobody")}</b>}</dd>
        {alert.incident && (
          <>
            <dt>{t("column.incident")}</dt>
            <dd>
              <Link href={hrefTo(place, "incidents", { id: alert.incident })}>
                <Foreign className="code">{alert.incident}</Foreign>
              </Link>
            </dd>
          </>
        )}
        <dt>{t("detail.next")}</dt>
        <dd>
          <NextForAlert alert={alert} />
        </dd>
      </dl>
      {alert.state !== "resolved" && <ActBar target={{ kind: "rows", alerts: [alert] }} hasKeys={false} />}
      {alert.expression && (
        <figure className="side-chart">
          <HourSpark expression={alert.expression} threshold={alert.threshold} tone={row.mark} width={388} height={96} />
          <figcaption className="small">
            <Link href={hrefTo(place, "explore", { expr: alert.expression })}>
              <Icon name="explore" /> {t("detail.explore")}
            </Link>
          </figcaption>
        </figure>
      )}
      {runbook && (
        <p className="panel-body">
          <a href={runbook} target="_blank" rel="noopener noreferrer">
            <Icon name="external" /> {t("detail.runbook")}
          </a>
        </p>
      )}
      <Native alert={alert} />
      <section>
        <h3>{t("why.heading")}</h3>
        <div data-why tabIndex={-1}>
          <Why alert={row.id} />
        </div>
      </section>
      <Comments alert={alert} />
      <Deliveries alert={alert} />
      <Labels row={row} />
    </>
  );
}

/** What will happen by itself: a proposal that expires; what holds it; or nothing. */
function NextForAlert({ alert }: { alert: Alert }): ReactNode {
  const t = useText();
  const place = usePlace();
  const proposals = useList<Proposal>((alert.proposals.length) > 0 ? paths.runbooks : null);
  const open = (proposals.data?.items ?? []).filter((proposal) => alert.proposals.includes(proposal.id) && proposal.state === "proposed");
  if (open.length > 0) {
    return open.map((proposal) => (
      <p key={proposal.id}>
        <Link href={hrefTo(place, "proposals", { open: proposal.id })}>
          {t.rich("detail.proposal", {}, { name: <Foreign>{proposal.runbook}</Foreign> })}
        </Link>{" "}
        <Countdown until={Date.parse(proposal.expires_at)} from={Date.parse(proposal.created_at)} />
      </p>
    ));
  }
  if (alert.silenced_by.length > 0) return <Link href={hrefTo(place, "silences", { open: alert.silenced_by[0] ?? null })}>{t("detail.silenced", { n: alert.silenced_by.length })}</Link>;
  if (alert.inhibited_by.length > 0) return t("detail.inhibited", { n: alert.inhibited_by.length });
  if (alert.snoozed_until) return t.rich("detail.snoozed", {}, { at: <At at={Date.parse(alert.snoozed_until)} /> });
  if (alert.muted_by.length > 0) return t.rich("detail.muted", {}, { name: <Foreign>{alert.muted_by.join(", ")}</Foreign> });
  if (alert.state === "pending") return t("detail.pending");
  return t(alert.state === "resolved" ? "detail.over" : "detail.nothing");
}

/** What the provider's own alarms say of the same thing. */
function Native({ alert }: { alert: Alert }): ReactNode {
  const t = useText();
    const generator = safeLink(alert.generator_url);
  return (
    <section>
      <h3>{t("detail.sources")}</h3>
      <ul className="native">
        {generator && (
          <li>
            <a href={generator} target="_blank" rel="noopener noreferrer" data-source-link>
              <Icon name="external" /> {t("detail.atSource")}
            </a>
          </li>
        )}
        {alert.native.length === 0 &&
          alert.sources.map((source) => (
            <li key={source}>
              <Foreign>{source}</Foreign>
            </li>
          ))}
        {alert.native.map((state) => {
          const url = safeLink(state.url);
          return (
            <li key={`${state.source} ${state.id}`}>
              <Foreign max={60}>{state.source}</Foreign> <Foreign className="code" max={80}>{state.id}</Foreign> <span className="tag"><Foreign max={30}>{state.state}</Foreign></span>{" "}
              <Foreign className="quiet" max={30}>{state.source_severity}</Foreign> <At at={Date.parse(state.since)} />{" "}
              {url && (
                <a href={url} target="_blank" rel="noopener noreferrer" data-source-link>
                  <Icon name="external" /> {t("detail.atSource")}
                </a>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** What people said of it. */
function Comments({ alert }: { alert: Alert }): ReactNode {
  const t = useText();
  const { comments } = alert;
  if (comments.length === 0) return null;
  return (
    <section>
      <h3>{t("detail.comments")}</h3>
      <ul className="receipts">
        {comments.map((comment, index) => (
          <li key={index}>
            <b>
              <Foreign max={60}>{comment.by}</Foreign>
            </b>{" "}
            <Foreign max={2000}>{comment.text}</Foreign>
            <span className="quiet end">
              <At at={Date.parse(comment.at)} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Messages about the alert's incident or fingerprint. */
function Deliveries({ alert }: { alert: Alert }): ReactNode {
  const t = useText();
  const deliveries = useList<Delivery>(paths.deliveries);
  const mine = (deliveries.data?.items ?? []).filter((delivery) => belongs(delivery, alert));
  return (
    <section>
      <h3>{t("delivery.title")}</h3>
      {deliveries.state === "ready" && mine.length === 0 ? (
        <p className="quiet">{t("detail.noDelivery")}</p>
      ) : (
        <Read of={deliveries} what="delivery.title">
          {() => (
            <ul className="receipts">
              {mine.map((delivery) => (
                <DeliveryRow key={delivery.id} delivery={delivery} />
              ))}
            </ul>
          )}
        </Read>
      )}
    </section>
  );
}

function belongs(delivery: Delivery, alert: Alert): boolean {
  return delivery.alerts.includes(alert.id) || (alert.incident !== null && delivery.incident === alert.incident);
}

/** Labels and annotations; a click on a label narrows the list to it, with Alt it leaves it out. */
function Labels({ row }: { row: Row }): ReactNode {
  const t = useText();
  const place = usePlace();
  const toggle = (name: string, value: string) => (event: MouseEvent) => setParams({ q: toggleChip(place.params.get("q") ?? "", name, event.altKey ? "!=" : "=", value) });
  return (
    <section>
      <h3>{t("detail.labels")}</h3>
      <ul className="labels">
        {Object.entries(row.alert.labels).map(([name, value]) => (
          <li key={name}>
            <button type="button" className="chip" onClick={toggle(name, value)} title={t("facet.tip")} aria-label={t("detail.narrow", { what: visible(`${name}=${value}`).slice(0, 200) })}>
              <Foreign max={60}>{name}</Foreign> <span className="op">{"="}</span> <Foreign max={120}>{value}</Foreign>
            </button>
          </li>
        ))}
      </ul>
      <h3>{t("detail.annotations")}</h3>
      <dl className="pairs">
        {Object.entries(row.alert.annotations).map(([name, value]) => (
          <div key={name}>
            <dt>
              <Foreign max={60}>{name}</Foreign>
            </dt>
            <dd>
              <Foreign max={400}>{value}</Foreign>
            </dd>
          </div>
        ))}
      </dl>
      <p className="quiet small">
        <Shape mark="info" /> {t("detail.fingerprint")} <span className="code">{row.alert.fingerprint}</span>
      </p>
    </section>
  );
}
