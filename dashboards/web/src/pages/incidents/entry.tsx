import type { ReactNode } from "react";

import type { Incident } from "../../api/centre";
import { useText } from "../../i18n/text";
import { markOfIncident } from "../../model/incident";
import { Icon } from "../../parts/icon";
import { Provider, Shape } from "../../parts/mark";
import { Foreign } from "../../parts/text";
import { At, Lasting } from "../../parts/time";
import { Link } from "../../shell/rail";
import { hrefTo, usePlace } from "../../url/state";

/** One incident in a list: what, since when, how many alerts, who has it, and the one thing to do about it. */
export function IncidentEntry({ incident, isCursor = false, choice, onAcknowledge }: { incident: Incident; isCursor?: boolean; choice?: ReactNode; onAcknowledge?: (incident: Incident) => void }): ReactNode {
  const t = useText();
  const place = usePlace();
  const isOver = incident.state === "resolved";
  const until = incident.ends_at === null ? null : Date.parse(incident.ends_at);
  return (
    <li className={`group incident ${incident.acknowledged_by !== null || isOver ? "owned" : ""} ${isCursor ? "open" : ""}`} data-cursor={isCursor || undefined}>
      {choice}
      <Shape mark={markOfIncident(incident)} alone className="s18" />
      <div className="group-text">
        <h3>
          <Link href={hrefTo(place, "incidents", { id: incident.id })}>
            <Foreign max={120}>{incident.title}</Foreign>
          </Link>
        </h3>
        <p>
          {incident.cell && (
            <>
              <Provider provider={incident.cell.provider} /> <Foreign max={60}>{[incident.cell.region, incident.cell.zone, incident.cell.service].filter(Boolean).join(" · ")}</Foreign>
              {" · "}
            </>
          )}
          {t("incident.alerts", { open: incident.open_count, n: incident.alert_count })}
          {incident.outage && <span className="tag">{t(`outage.${incident.outage.level}`)}</span>}
        </p>
        <p className="quiet names" title={incident.reason}>
          <Foreign max={160}>{incident.reason}</Foreign>
        </p>
        <p>
          <Icon name="user" />{" "}
          {isOver ? (
            until !== null && t.rich("row.resolved", {}, { at: <At at={until} /> })
          ) : incident.acknowledged_by !== null ? (
            t.rich("own.has", {}, { name: <Foreign max={40}>{incident.acknowledged_by}</Foreign> })
          ) : (
            <b className="nobody">{t("own.nobody")}</b>
          )}
        </p>
      </div>
      <div className="group-side">
        <b>
          <Lasting since={Date.parse(incident.starts_at)} until={until} />
        </b>
        {onAcknowledge && !isOver && incident.acknowledged_by === null && (
          <button type="button" onClick={() => onAcknowledge(incident)}>
            <Icon name="ack" /> {t("act.acknowledge")}
          </button>
        )}
      </div>
    </li>
  );
}
