/** What happens next if nobody acts, the soonest first. Pure. */
import type { Delivery, Proposal } from "../../api/shapes";

export interface Upcoming {
  id: string;
  kind: "proposal" | "call" | "retry" | "queued";
  /** When; null where the server does not say. */
  at: number | null;
  /** When the waiting began. */
  from: number | null;
  name: string;
  detail: string;
  attempts: number;
}

export function upcoming(proposals: readonly Proposal[], deliveries: readonly Delivery[]): Upcoming[] {
  const entries: Upcoming[] = [];
  for (const proposal of proposals) {
    if (proposal.next_attempt_at && (proposal.state === "sending" || proposal.state === "approved")) {
      entries.push({ id: proposal.id, kind: "call", at: Date.parse(proposal.next_attempt_at), from: null, name: proposal.runbook, detail: proposal.alert.name, attempts: proposal.attempts ?? 0 });
    }
    if (proposal.state !== "proposed") continue;
    entries.push({ id: proposal.id, kind: "proposal", at: Date.parse(proposal.expires_at), from: Date.parse(proposal.created_at), name: proposal.runbook, detail: proposal.alert.name, attempts: 0 });
  }
  for (const delivery of deliveries) {
    if (delivery.state !== "failed" && delivery.state !== "queued") continue;
    const kind = delivery.state === "failed" ? "retry" : "queued";
    entries.push({ id: delivery.id, kind, at: delivery.next_attempt ? Date.parse(delivery.next_attempt) : null, from: null, name: `${delivery.receiver} ${delivery.channel}`, detail: delivery.last_error ?? "", attempts: delivery.attempts });
  }
  return entries.sort((a, b) => (a.at ?? Infinity) - (b.at ?? Infinity) || a.id.localeCompare(b.id));
}
