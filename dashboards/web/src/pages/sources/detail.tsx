import type { ReactNode } from "react";

import { paths, type SourceDetail } from "../../api/shapes";
import { useReading } from "../../api/store";
import { lag } from "../../format/time";
import { money } from "../../format/value";
import { useText } from "../../i18n/text";
import { markOfSource } from "../../model/source";
import { FreshnessStrip } from "../../parts/freshness";
import { Shape } from "../../parts/mark";
import { Read } from "../../parts/panel";
import { Side } from "../../parts/side";
import { Foreign } from "../../parts/text";
import { At, Countdown } from "../../parts/time";

/** One source: its parts, each with its own state and its own next collection, and what its calls cost. */
export function SourceSide({ name, onClose }: { name: string; onClose: () => void }): ReactNode {
  const t = useText();
  const detail = useReading<SourceDetail>(paths.source(name), { every: 10_000 });
  return (
    <Side label={t("source.detail")} focusKey={name} onClose={onClose}>
      <h2 data-title tabIndex={-1} className="side-title">
        <Foreign>{name}</Foreign>
      </h2>
      <Read of={detail} what="source.detail" rows={8}>
        {(source) => <Body source={source} />}
      </Read>
    </Side>
  );
}

function Body({ source }: { source: SourceDetail }): ReactNode {
  const t = useText();
  const parts = source.parts ?? [];
  return (
    <>
      <dl className="answers">
        <dt>{t("column.state")}</dt>
        <dd>
          <Shape mark={markOfSource(source)} /> <b>{t.word("source.state", source.state)}</b> {source.reason && <Foreign max={400}>{source.reason}</Foreign>}
        </dd>
        <dt>{t("source.lastSuccess")}</dt>
        <dd>{source.last_success ? <At at={Date.parse(source.last_success)} /> : t("source.never")}</dd>
        <dt>{t("column.lag")}</dt>
        <dd>{source.lag_seconds === null ? t("source.noData") : lag(source.lag_seconds, t.language)}</dd>
        {source.freshness && (
          <>
            <dt>{t("column.fresh")}</dt>
            <dd>
              <FreshnessStrip blocks={source.freshness} />
            </dd>
          </>
        )}
        {source.coverage && (
          <>
            <dt>{t("column.mapped")}</dt>
            <dd>{t("coverage.of", { mapped: source.coverage.mapped, unmapped: source.coverage.unmapped })}</dd>
          </>
        )}
        {source.cost && (
          <>
            <dt>{t("column.cost")}</dt>
            <dd>
              <b>{money(source.cost.projected_month, source.cost.currency)}</b> {t("cost.projected")} · {t("cost.calls", { n: source.cost.calls })}
            </dd>
          </>
        )}
      </dl>
      <section>
        <h3>{t("source.parts", { n: parts.length })}</h3>
        {parts.length === 0 ? (
          <p className="quiet">{t("source.noParts")}</p>
        ) : (
          <ul className="parts">
            {parts.map((part) => (
              <li key={part.key}>
                <p>
                  <Shape mark={markOfSource(part)} alone /> <Foreign className="code" max={80}>{part.key}</Foreign>
                  <span className="quiet end figures">{part.lag_seconds === null ? t("source.noData") : lag(part.lag_seconds, t.language)}</span>
                </p>
                <p className="quiet small">
                  {t.word("source.state", part.state)} · {t("source.samples", { n: part.samples_last_cycle })}
                  {part.watermark && (
                    <>
                      {" · "}
                      {t.rich("source.watermark", {}, { at: <At at={Date.parse(part.watermark)} /> })}
                    </>
                  )}
                  {part.next_at && (
                    <>
                      {" · "}
                      {t.rich("source.next", {}, { d: <Countdown until={Date.parse(part.next_at)} /> })}
                    </>
                  )}
                </p>
                {part.reason && (
                  <p className="small">
                    <Foreign max={300}>{part.reason}</Foreign>
                  </p>
                )}
              </li>
            ))}
          </ul>
        )}
      </section>
      {(source.calls?.length ?? 0) > 0 && (
        <section>
          <h3>{t("source.calls")}</h3>
          <table className="lines">
            <thead>
              <tr>
                <th scope="col">{t("source.what")}</th>
                <th scope="col" className="right">
                  {t("column.calls")}
                </th>
                <th scope="col" className="right">
                  {t("source.billed")}
                </th>
                <th scope="col" className="right">
                  {t("source.price")}
                </th>
              </tr>
            </thead>
            <tbody>
              {source.calls?.map((call) => (
                <tr key={call.what}>
                  <th scope="row">
                    <Foreign max={50}>{call.what}</Foreign>
                  </th>
                  <td className="figures right">{t.number(call.calls)}</td>
                  <td className="figures right">{t.number(call.billed)}</td>
                  <td className="figures right">{call.unit_price === null || call.unit_price === 0 ? t("cost.free") : `${call.unit_price} ${source.cost?.currency ?? ""}`}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </>
  );
}
