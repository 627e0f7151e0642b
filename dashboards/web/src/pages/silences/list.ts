/** Silences by where they stand. Pure. */
import type { Silence } from "../../api/centre";
import { matcherText } from "../../model/matchers";

export const SILENCE_VIEWS = ["active", "pending", "expired"] as const;
export type SilenceView = (typeof SILENCE_VIEWS)[number];

/** Standing ones by their end, the soonest first; what is over the latest first. Words look into matchers, reason, maker and id. */
export function silencesIn(view: SilenceView, silences: readonly Silence[], q = ""): Silence[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = silences.filter((silence) => {
    if (silence.state !== view) return false;
    const text = [silence.id, silence.comment, silence.created_by, ...silence.matchers.map(matcherText)].join("\n").toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const sign = view === "expired" ? -1 : 1;
  return chosen.sort((a, b) => sign * a.ends_at.localeCompare(b.ends_at) || a.id.localeCompare(b.id));
}
