/** What has to be typed before something runs: the name of what it runs on. Pure. */
import type { Proposal } from "../../api/shapes";
import { partsOf } from "../../model/provider";

/** The last part of the resource's own id, else the runbook's name: short enough to type, long enough to mean it. */
export function wordToType(proposal: { runbook: string; alert: Pick<Proposal["alert"], "resource"> }): string {
  const native = partsOf(proposal.alert.resource)?.native ?? proposal.alert.resource ?? "";
  const last = native.split("/").filter(Boolean).pop() ?? "";
  return last || proposal.runbook;
}

/** Spaces around do not matter, letters do. */
export function isTyped(typed: string, word: string): boolean {
  return typed.trim() === word.trim() && word.trim() !== "";
}
