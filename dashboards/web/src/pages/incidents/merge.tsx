import { useId, useState, type ReactNode } from "react";

import type { Incident } from "../../api/centre";
import { useText } from "../../i18n/text";
import { Dialog } from "../../parts/dialog";
import { Icon } from "../../parts/icon";
import { Foreign } from "../../parts/text";
import { At } from "../../parts/time";

/** Which of two incidents stays. Its members and the other's are one from then on; nothing takes them apart again but a person. */
export function MergeDialog({ first, others, onMerge, onClose }: { first: Incident; others: readonly Incident[]; onMerge: (into: Incident, from: Incident) => void; onClose: () => void }): ReactNode {
  const t = useText();
  const name = useId();
  const [otherId, setOtherId] = useState(others.length === 1 ? (others[0]?.id ?? "") : "");
  const [staysFirst, setStaysFirst] = useState(true);
  const other = others.find((incident) => incident.id === otherId);
  const pair = other ? (staysFirst ? [first, other] : [other, first]) : null;
  return (
    <Dialog title={t("incident.merge")} onClose={onClose} className="sheet">
      <form
        className="decide-form"
        onSubmit={(event) => {
          event.preventDefault();
          const [into, from] = pair ?? [];
          if (!into || !from) return;
          onMerge(into, from);
          onClose();
        }}
      >
        {others.length !== 1 && (
          <label>
            {t("incident.mergeWith")}
            <select data-first value={otherId} onChange={(event) => setOtherId(event.target.value)}>
              <option value="">{t("incident.choose")}</option>
              {others.map((incident) => (
                <option key={incident.id} value={incident.id}>
                  {incident.title}
                </option>
              ))}
            </select>
          </label>
        )}
        {other && (
          <fieldset className="choices-list">
            <legend>{t("incident.stays")}</legend>
            {[first, other].map((incident) => (
              <label key={incident.id} className="inline">
                <input type="radio" name={name} checked={(incident === first) === staysFirst} onChange={() => setStaysFirst(incident === first)} /> <Foreign max={100}>{incident.title}</Foreign>{" "}
                <span className="quiet">
                  {t("incident.alerts", { open: incident.open_count, n: incident.alert_count })} · <At at={Date.parse(incident.starts_at)} />
                </span>
              </label>
            ))}
          </fieldset>
        )}
        {pair && <p>{t("incident.mergeText", { n: (pair[0]?.alert_count ?? 0) + (pair[1]?.alert_count ?? 0) })}</p>}
        <p className="actions">
          <button type="submit" className="primary" disabled={pair === null}>
            <Icon name="merge" /> {t("incident.merge")}
          </button>
          <button type="button" onClick={onClose}>
            {t("act.cancel")}
          </button>
        </p>
      </form>
    </Dialog>
  );
}
