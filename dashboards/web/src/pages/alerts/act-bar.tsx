import { lazy, Suspense, useState, type ReactNode } from "react";

import { ACT_MAX, actableOf, sizeOf, useActs, type Target } from "../../api/acts";
import { useText } from "../../i18n/text";
import { useKeys } from "../../keys/keymap";
import { matchersFor, matchersOfFilter } from "../../model/matchers";
import { rowOf } from "../../model/row";
import { isActable } from "../../model/summary";
import { Icon } from "../../parts/icon";
import { Kbd } from "../../parts/kbd";
import { ActDialog, type Asked } from "./act-dialog";

const SilenceDialog = lazy(() => import("../silences/form"));

/** What can be done about alerts, each verb with how many it is about; keys do the same. */
export function ActBar({ target, isShown = true, hasKeys = true, children }: { target: Target | null; isShown?: boolean; hasKeys?: boolean; children?: ReactNode }): ReactNode {
  const t = useText();
  const act = useActs();
  const [asked, setAsked] = useState<{ what: Asked | "silence"; target: Target } | null>(null);
  const n = target ? actableOf(target) : 0;
  const isTooMany = target?.kind === "query" && n > ACT_MAX;
  const canAct = n > 0 && !isTooMany;
  const meant = target?.kind === "rows" ? target.alerts.filter(isActable) : [];
  const taken = meant.filter((alert) => alert.acknowledged_by !== null).length;
  const isTaken = meant.length > 0 && taken === meant.length;
  const isPutOff = meant.length > 0 && meant.every((alert) => alert.snoozed_until !== null);
  const ask = (what: Asked | "silence") => (): boolean => {
    if (target === null || (what === "silence" ? sizeOf(target) === 0 : !canAct)) return false;
    setAsked({ what, target });
    return true;
  };
  const acknowledge = (): boolean => {
    if (target === null || !canAct) return false;
    // What is not all in sight is done only after its number was seen.
    if (target.kind === "query") setAsked({ what: "acknowledge", target });
    else act(target, { act: isTaken ? "unacknowledge" : "acknowledge" });
    return true;
  };
  useKeys(hasKeys ? { acknowledge, silence: ask("silence"), comment: ask("comment") } : {});
  const all = target ? sizeOf(target) : 0;
  return (
    <>
      {isShown && target !== null && all > 0 && (
        <div className="act-bar" role="group" aria-label={t("act.label")}>
          {children}
          {n > 0 && (
            <button type="button" disabled={!canAct} onClick={acknowledge}>
              <Icon name="ack" /> {t(isTaken ? "act.unacknowledgeN" : "act.acknowledgeN", { n: isTaken ? n : n - taken })} {hasKeys && <Kbd keys="a" />}
            </button>
          )}
          <button type="button" onClick={ask("silence")}>
            <Icon name="silence" /> {t("act.silenceN", { n: all })} {hasKeys && <Kbd keys="s" />}
          </button>
          {n > 0 && (
            <>
              <button type="button" disabled={!canAct} onClick={ask("assign")}>
                <Icon name="user" /> {t("act.assignN", { n })}
              </button>
              <button type="button" disabled={!canAct} onClick={ask("comment")}>
                <Icon name="comment" /> {t("act.commentN", { n })} {hasKeys && <Kbd keys="c" />}
              </button>
              <button type="button" disabled={!canAct} onClick={isPutOff ? () => act(target, { act: "unsnooze" }) : ask("snooze")}>
                <Icon name="clock" /> {t(isPutOff ? "act.unsnoozeN" : "act.snoozeN", { n })}
              </button>
            </>
          )}
          {isTooMany && <span className="wrong">{t("act.tooMany", { n, max: ACT_MAX })}</span>}
        </div>
      )}
      {asked && asked.what !== "silence" && <ActDialog what={asked.what} target={asked.target} onClose={() => setAsked(null)} />}
      {asked?.what === "silence" && (
        <Suspense fallback={null}>
          <SilenceDialog {...draftFor(asked.target)} onClose={() => setAsked(null)} />
        </Suspense>
      )}
    </>
  );
}

/** A silence for these: matchers, what of a filter it cannot say, and the labels there are to choose from. */
function draftFor(target: Target): { matchers: ReturnType<typeof matchersFor>; rest: string[]; labels: Record<string, string>; wanted: number } {
  if (target.kind === "query") return { ...matchersOfFilter(target.q), labels: {}, wanted: target.count };
  const [only] = target.alerts.length === 1 ? target.alerts : [];
  return { matchers: matchersFor(target.alerts.map(rowOf)), rest: [], labels: only?.labels ?? {}, wanted: target.alerts.length };
}
