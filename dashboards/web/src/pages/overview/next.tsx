import type { ReactNode } from "react";

import type { Delivery, Proposal } from "../../api/shapes";
import type { Reading } from "../../api/store";
import { useText } from "../../i18n/text";
import { Icon } from "../../parts/icon";
import { Foreign } from "../../parts/text";
import { At, Countdown } from "../../parts/time";
import { Link } from "../../shell/rail";
import { hrefTo, usePlace } from "../../url/state";
import { upcoming } from "./upcoming";

const SHOWN_MAX = 4;

/** What will happen by itself: proposals that expire, deliveries that are tried again. */
export function Next({ proposals, deliveries }: { proposals: Reading<{ items: Proposal[] }>; deliveries: Reading<{ items: Delivery[] }> }): ReactNode {
  const t = useText();
  const place = usePlace();
  const entries = upcoming(proposals.data?.items ?? [], deliveries.data?.items ?? []);
  if (entries.length === 0) {
    if (proposals.state === "loading" || deliveries.state === "loading") return <p className="panel-body quiet">{t("read.loading")}</p>;
    if (deliveries.state === "failed") return <p className="panel-body quiet">{t("read.failed", { what: t("next.title"), reason: deliveries.error.message })}</p>;
    return <p className="panel-body quiet">{t("next.nothing")}</p>;
  }
  return (
    <ul className="next">
      {entries.slice(0, SHOWN_MAX).map((entry) => (
        <li key={entry.id}>
          <Icon name={entry.kind === "proposal" || entry.kind === "call" ? "failover" : "send"} />
          <span className="quiet figures">{entry.at === null ? t("next.soon") : <At at={entry.at} />}</span>
          <span className="what">
            {entry.kind === "proposal" ? (
              <Link href={hrefTo(place, "proposals", { open: entry.id })}>
                {t.rich("next.proposal", {}, { name: <Foreign max={50}>{entry.name}</Foreign>, on: <Foreign max={50}>{entry.detail}</Foreign> })}
              </Link>
            ) : entry.kind === "call" ? (
              <Link href={hrefTo(place, "proposals", { view: "decided", open: entry.id })}>
                {t.rich("next.call", { n: entry.attempts + 1 }, { name: <Foreign max={50}>{entry.name}</Foreign> })}
              </Link>
            ) : entry.kind === "retry" ? (
              t.rich("next.retry", { n: entry.attempts + 1 }, { name: <Foreign max={50}>{entry.name}</Foreign> })
            ) : (
              t.rich("next.queued", {}, { name: <Foreign max={50}>{entry.name}</Foreign> })
            )}
          </span>
          {entry.at !== null && (
            <b>
              <Countdown until={entry.at} from={entry.from} />
            </b>
          )}
        </li>
      ))}
      {entries.length > SHOWN_MAX && <li className="quiet">{t("next.more", { n: entries.length - SHOWN_MAX })}</li>}
    </ul>
  );
}
