import type { ReactNode } from "react";

import type { Incident } from "../../api/centre";
import { useText } from "../../i18n/text";
import { Panel } from "../../parts/panel";
import { Link } from "../../shell/rail";
import { hrefTo, usePlace } from "../../url/state";
import { useIncidentActs } from "../incidents/acts";
import { IncidentEntry } from "../incidents/entry";

const SHOWN_MAX = 3;

/** Open incidents, the worst first. */
export function Incidents({ incidents }: { incidents: readonly Incident[] }): ReactNode {
  const t = useText();
  const place = usePlace();
  const acts = useIncidentActs();
  return (
    <Panel title={t("overview.incidents")} className="flat" aside={<Link href={hrefTo(place, "incidents")}>{t("overview.incidentsOpen", { n: incidents.length })}</Link>}>
      <ul className="groups">
        {incidents.slice(0, SHOWN_MAX).map((incident) => (
          <IncidentEntry key={incident.id} incident={incident} onAcknowledge={acts.acknowledge} />
        ))}
      </ul>
      {incidents.length > SHOWN_MAX && (
        <p className="panel-foot">
          <Link href={hrefTo(place, "incidents")}>{t("overview.moreIncidents", { n: incidents.length - SHOWN_MAX })}</Link>
        </p>
      )}
    </Panel>
  );
}
