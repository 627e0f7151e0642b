/** What a replay is asked for, from what was typed. Pure. */
import type { ReplayRequest } from "../../api/centre";
import { parseTime } from "../../format/time";

export interface TemplateFile {
  /** As it is written under `templates:`. */
  pattern: string;
  name: string;
  text: string;
}

/** What was typed. */
export interface Trial {
  from: string;
  to: string;
  alerting: string;
  policies: string;
  /** One silence a line, by its matchers. */
  silences: string;
  /** Whether the silences take the place of those there were: none, too. */
  hasSilences: boolean;
  templates: readonly TemplateFile[];
}

/** The request; what is as it runs is left out. Null where a time is none, or the end is not after the beginning. */
export function requestOf(trial: Trial, config: string, now: number): ReplayRequest | null {
  const [from, to] = [parseTime(trial.from, now), parseTime(trial.to, now)];
  if (from === null || to === null || from >= to) return null;
  const lines = trial.silences.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const templates: Record<string, Record<string, string>> = {};
  for (const { pattern, name, text } of trial.templates) {
    if (pattern.trim() !== "" && name.trim() !== "") templates[pattern.trim()] = { ...templates[pattern.trim()], [name.trim()]: text };
  }
  const isChanged = trial.alerting.trim() !== "" && trial.alerting !== config;
  const hasTemplates = Object.keys(templates).length > 0;
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    // Files of templates are read for a configuration that is sent.
    ...(isChanged || hasTemplates ? { alerting: isChanged ? trial.alerting : config } : {}),
    ...(hasTemplates ? { templates } : {}),
    ...(trial.policies.trim() === "" ? {} : { policies: trial.policies }),
    ...(trial.hasSilences ? { silences: lines.map((matchers) => ({ matchers })) } : {}),
  };
}
