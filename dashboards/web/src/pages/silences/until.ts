/** How long a silence is, and in which windows. Pure. */
import type { Period } from "../../api/centre";
import { parseSpan } from "../../format/time";

export const LENGTHS = ["30m", "1h", "4h", "1d", "1w"] as const;
/** The end of a silence that ends by itself: a bound for what never resolves. */
export const LONGEST = "1w";

const WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;
export type Weekday = (typeof WEEKDAYS)[number];
export { WEEKDAYS };

export interface Window {
  days: readonly Weekday[];
  from: string;
  to: string;
  zone: string;
}

/** Reads a length, `90m`, or a time, `2026-11-22 06:00` (UTC); null when it is neither or over before `now`. */
export function endOf(text: string, now: number): number | null {
  const span = parseSpan(text.trim());
  if (span !== null) return span >= 60_000 ? now + span : null;
  const iso = text.trim().replace(" ", "T");
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(iso)) return null;
  const at = Date.parse(/(Z|[+-]\d{2}:?\d{2})$/.test(iso) ? iso : `${iso}Z`);
  return Number.isNaN(at) || at <= now ? null : at;
}

const MINUTES = /^([01]\d|2[0-4]):([0-5]\d)$/;

/** The windows as Alertmanager's time intervals; one that passes midnight is two, the second a day later. Null when it is none. */
export function periodsOf({ days, from, to, zone }: Window): Period[] | null {
  if (days.length === 0 || !MINUTES.test(from) || !MINUTES.test(to) || from > "23:59" || to > "24:00" || from === to) return null;
  const location = zone.trim() === "" ? {} : { location: zone.trim() };
  const end = to === "00:00" ? "24:00" : to;
  if (from < end) return [{ weekdays: [...days], times: [{ start_time: from, end_time: end }], ...location }];
  const after = days.map((day) => WEEKDAYS[(WEEKDAYS.indexOf(day) + 1) % 7] ?? day);
  return [
    { weekdays: [...days], times: [{ start_time: from, end_time: "24:00" }], ...location },
    { weekdays: after, times: [{ start_time: "00:00", end_time: end }], ...location },
  ];
}

/** A period in a line: `monday:friday 02:00-04:00 Europe/Berlin`. */
export function periodText({ times, weekdays, days_of_month, months, years, location }: Period): string {
  const hours = (times ?? []).map((time) => `${time.start_time}–${time.end_time}`);
  return [weekdays, days_of_month, months, years, hours].map((part) => (part ?? []).join(", ")).filter((part) => part !== "").concat(location ?? "UTC").join(" ");
}
