import { useState, type ReactNode } from "react";

import type { IncidentDetail, Member } from "../../api/centre";
import { visible } from "../../format/untrusted";
import { useText } from "../../i18n/text";
import { markOfSeverity } from "../../model/severity";
import { partsOf } from "../../model/provider";
import { Provider, Shape } from "../../parts/mark";
import { Panel } from "../../parts/panel";
import { Foreign } from "../../parts/text";
import { At } from "../../parts/time";
import { Link } from "../../shell/rail";
import { hrefTo, usePlace } from "../../url/state";

/** The alerts of an incident, each with why it is in it; some of them can be taken out into one of their own. */
export function Members({ incident, members, why, onWhy, onSplit }: { incident: IncidentDetail; members: readonly Member[]; why: string | null; onWhy: (id: string) => void; onSplit: ((alerts: string[]) => void) | null }): ReactNode {
  const t = useText();
  const place = usePlace();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const toggle = (id: string): void => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  return (
    <Panel
      title={t("incident.members", { n: incident.alert_count })}
      aside={
        onSplit && chosen.size > 0 ? (
          <button type="button" disabled={chosen.size >= incident.alert_count} title={chosen.size >= incident.alert_count ? t("incident.splitAll") : undefined} onClick={() => onSplit([...chosen])}>
            {t("incident.splitN", { n: chosen.size })}
          </button>
        ) : (
          <Link href={hrefTo(place, "alerts", { q: `@incident=${incident.id}` })}>{t("incident.inList")}</Link>
        )
      }
    >
      <ul className="members">
        {members.map((member) => {
          const parts = partsOf(member.resource);
          return (
            <li key={member.id} className={`${member.left_at === null ? "" : "owned"} ${member.id === why ? "open" : ""}`}>
              {onSplit && <input type="checkbox" aria-label={t("table.choose", { name: visible(member.name).slice(0, 80) })} checked={chosen.has(member.id)} onChange={() => toggle(member.id)} />}
              <Shape mark={member.left_at === null ? markOfSeverity(member.severity) : "ok"} alone />
              <div>
                <p>
                  <Link href={hrefTo(place, "alerts", { open: member.id, view: member.left_at === null ? null : "resolved" })}>
                    <b>
                      <Foreign max={80}>{member.name}</Foreign>
                    </b>
                  </Link>{" "}
                  {parts && <Provider provider={parts.provider} />} <Foreign className="quiet" max={60}>{parts?.native ?? member.resource ?? ""}</Foreign>
                  {member.by_person && <span className="tag">{t("incident.byPerson")}</span>}
                </p>
                <p className="quiet small">
                  <Foreign max={240}>{member.reason}</Foreign>
                </p>
              </div>
              <span className="quiet figures">
                <At at={Date.parse(member.joined_at)} />
              </span>
              <button type="button" className="link small" aria-pressed={member.id === why} onClick={() => onWhy(member.id)}>
                {t("incident.why")}
              </button>
            </li>
          );
        })}
      </ul>
      {incident.members.length < incident.alert_count && <p className="panel-foot">{t("incident.membersCut", { n: incident.members.length, total: incident.alert_count })}</p>}
    </Panel>
  );
}
