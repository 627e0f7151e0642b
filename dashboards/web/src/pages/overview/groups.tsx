import type { ReactNode } from "react";

import { useText } from "../../i18n/text";
import { groupsOf, type Group } from "../../model/ground";
import { providerName } from "../../model/provider";
import type { Row } from "../../model/row";
import { rank } from "../../model/severity";
import { Icon } from "../../parts/icon";
import { Provider, Shape } from "../../parts/mark";
import { Empty } from "../../parts/panel";
import { HourSpark } from "../../parts/series";
import { Foreign } from "../../parts/text";
import { Lasting } from "../../parts/time";
import { Link } from "../../shell/rail";
import { chipText } from "../../model/filter";
import { hrefTo, usePlace } from "../../url/state";
import { groundOf } from "./sentence";

const SHOWN_MAX = 4;
const NAMES_MAX = 4;

/** Open alerts by name, the worst first. */
export function Groups({ rows }: { rows: readonly Row[] }): ReactNode {
  const t = useText();
  const place = usePlace();
  if (rows.length === 0) return <Empty mark="ok">{t("groups.none")}</Empty>;
  const groups = groupsOf(rows, rank);
  return (
    <>
      <ul className="groups">
        {groups.slice(0, SHOWN_MAX).map((group) => (
          <Entry key={group.name} group={group} />
        ))}
      </ul>
      {groups.length > SHOWN_MAX && (
        <p className="panel-foot">
          <Link href={hrefTo(place, "alerts", { group: "name" })}>{t("groups.more", { n: groups.length - SHOWN_MAX })}</Link>
        </p>
      )}
    </>
  );
}

function Entry({ group }: { group: Group }): ReactNode {
  const t = useText();
  const place = usePlace();
  const ground = groundOf(group.common, group.providers);
  const lead = group.rows.find((row) => row.mark === group.mark) ?? group.rows[0];
  const names = [...new Set(group.rows.map((row) => row.resource).filter((name) => name !== ""))];
  const href =
    group.rows.length === 1 && lead ? hrefTo(place, "alerts", { open: lead.id }) : hrefTo(place, "alerts", { q: chipText({ key: "@name", op: "=", value: group.name }) });
  return (
    <li className={`group ${group.rows.every((row) => row.owner !== null) ? "owned" : ""}`}>
      <Shape mark={group.mark} alone className="s18" />
      <div className="group-text">
        <h3>
          <Link href={href}>
            <Foreign max={90}>{group.name}</Foreign>
          </Link>
        </h3>
        <p>
          {t("groups.alerts", { n: group.rows.length })}
          {group.providers.map((provider) => (
            <span key={provider} className="gap" title={providerName(provider)}>
              <Provider provider={provider} />
            </span>
          ))}
          {ground && <span className="dot">{t(ground.key, ground.params)}</span>}
        </p>
        <p className="quiet names">
          {names.slice(0, NAMES_MAX).map((name, index) => (
            <span key={name}>
              {index > 0 && ", "}
              <Foreign max={40}>{name}</Foreign>
            </span>
          ))}
          {names.length > NAMES_MAX && t("groups.others", { n: names.length - NAMES_MAX })}
        </p>
        <p>
          <Icon name="user" />{" "}
          {group.owners.length > 0 && t.rich("own.has", {}, { name: <Foreign max={40}>{group.owners.join(", ")}</Foreign> })}{" "}
          {group.unowned > 0 && <b className={group.mark === "info" ? "quiet" : "nobody"}>{group.owners.length > 0 ? t("state.unowned", { n: group.unowned }) : t("own.nobody")}</b>}
        </p>
      </div>
      <div className="group-side">
        <b>
          <Lasting since={group.since} />
        </b>
        <HourSpark expression={lead?.alert.expression} threshold={lead?.alert.threshold} tone={group.mark} width={140} height={24} />
      </div>
    </li>
  );
}
