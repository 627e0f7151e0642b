/** Does what people do about alerts, says so, and offers the way back. */
import { useMemo } from "react";

import { useText, type Speaker } from "../i18n/text";
import { isActable } from "../model/summary";
import { chunked, inverse, inverseOfQuery } from "../model/undo";
import { complain, tell } from "../shell/toasts";
import { centre, type Act, type ActAnswer, type ActRequest } from "./centre";
import { request } from "./client";
import type { Alert } from "./shapes";
import { invalidateLive } from "./store";

/** What an act is about: rows that were chosen, or all that a filter lets through, and how many of them can be acted on. */
export type Target = { kind: "rows"; alerts: readonly Alert[] } | { kind: "query"; q: string; count: number; actable: number };

/** The server refuses an act by a filter on more than these at once. */
export const ACT_MAX = 10_000;

export const sizeOf = (target: Target): number => (target.kind === "rows" ? target.alerts.length : target.count);
/** Of them, what can be acted on: a silence is for all, an act for what is firing or without data. */
export const actableOf = (target: Target): number => (target.kind === "rows" ? target.alerts.filter(isActable).length : target.actable);

/** An act without whom it is about. */
export type Deed = Omit<ActRequest, "ids" | "q" | "expected">;

/** What is asked for an act. What somebody has taken stays theirs: only what nobody has is acknowledged. */
export function requestsFor(target: Target, deed: Deed): ActRequest[] {
  const isTaking = deed.act === "acknowledge";
  if (target.kind === "query") return [{ ...deed, q: isTaking ? `${target.q} @acknowledged=no`.trim() : target.q, expected: target.actable }];
  const meant = target.alerts.filter((alert) => isActable(alert) && !(isTaking && alert.acknowledged_by !== null));
  return chunked(meant.map((alert) => alert.id), (ids) => ({ ...deed, ids }));
}

const post = (json: ActRequest): Promise<ActAnswer> => request<ActAnswer>(centre.acts, { method: "POST", json });

async function run(t: Speaker, target: Target, deed: Deed & { act: Exclude<Act, "comment"> }): Promise<void> {
  const ids: string[] = [];
  let isRefused = false;
  try {
    for (const one of requestsFor(target, deed)) ids.push(...(await post(one)).ids);
  } catch (error) {
    isRefused = true;
    complain(t("act.failed", { what: t(`act.${deed.act}`), reason: error instanceof Error ? error.message : String(error) }));
  }
  invalidateLive();
  if (ids.length === 0) {
    if (!isRefused) tell(t("act.none"));
    return;
  }
  const back = target.kind === "rows" ? inverse(deed, ids, target.alerts) : inverseOfQuery(deed, ids);
  const undo = async (): Promise<void> => {
    try {
      for (const one of back) await post(one);
    } catch (error) {
      complain(t("act.undoFailed", { reason: error instanceof Error ? error.message : String(error) }));
    }
    invalidateLive();
  };
  tell(t(`act.done.${deed.act}`, { n: ids.length, to: deed.to ?? "" }), back.length > 0 ? { undo: () => void undo() } : {});
}

/** Does an act at once. What is said cannot be unsaid: a comment waits until its ten seconds are over. */
export function useActs(): (target: Target, deed: Deed) => void {
  const t = useText();
  return useMemo(
    () => (target, deed) => {
      if (deed.act !== "comment") void run(t, target, { ...deed, act: deed.act });
      else tell(t("act.soon.comment", { n: actableOf(target) }), { undo: () => undefined, settle: () => void said(t, target, deed) });
    },
    [t],
  );
}

async function said(t: Speaker, target: Target, deed: Deed): Promise<void> {
  try {
    for (const one of requestsFor(target, deed)) await request(centre.acts, { method: "POST", json: one, keepalive: true });
  } catch (error) {
    complain(t("act.failed", { what: t("act.comment"), reason: error instanceof Error ? error.message : String(error) }));
  }
  invalidateLive();
}
