/** What people do about incidents, said and with its way back where there is one. */
import { useMemo } from "react";

import { centre, type Incident } from "../../api/centre";
import { request } from "../../api/client";
import { invalidateLive } from "../../api/store";
import { useText } from "../../i18n/text";
import { complain, tell } from "../../shell/toasts";
import { goTo } from "../../url/state";

const post = (id: string, act: Parameters<typeof centre.incidentAct>[1], json: object): Promise<Incident> => request<Incident>(centre.incidentAct(id, act), { method: "POST", json });

export interface IncidentActs {
  /** Takes it, or hands it back. */
  acknowledge: (incident: Incident) => void;
  merge: (into: Incident, from: Incident) => void;
  /** The members become an incident of their own, which is opened. */
  split: (incident: Incident, alerts: string[]) => void;
}

export function useIncidentActs(): IncidentActs {
  const t = useText();
  return useMemo(() => {
    const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        complain(t("act.failed", { what, reason: error instanceof Error ? error.message : String(error) }));
      }
      invalidateLive();
    };
    const acknowledge = (incident: Incident): void => {
      const isTaken = incident.acknowledged_by !== null;
      const [act, back] = isTaken ? (["unacknowledge", "acknowledge"] as const) : (["acknowledge", "unacknowledge"] as const);
      void attempt(t(`act.${act}`), async () => {
        await post(incident.id, act, {});
        tell(t(`incident.done.${act}`), { undo: () => void attempt(t("act.undo"), async () => void (await post(incident.id, back, {}))) });
      });
    };
    return {
      acknowledge,
      merge: (into, from) =>
        void attempt(t("incident.merge"), async () => {
          await post(into.id, "merge", { from: from.id });
          tell(t("incident.done.merge"));
          goTo("incidents", { id: into.id });
        }),
      split: (incident, alerts) =>
        void attempt(t("incident.split"), async () => {
          const made = await post(incident.id, "split", { alerts });
          // The way back is a merge of what was split.
          tell(t("incident.done.split", { n: alerts.length }), {
            undo: () =>
              void attempt(t("act.undo"), async () => {
                await post(incident.id, "merge", { from: made.id });
                goTo("incidents", { id: incident.id });
              }),
          });
          goTo("incidents", { id: made.id });
        }),
    };
  }, [t]);
}
