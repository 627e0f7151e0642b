/** Times and durations as people read them. All times are Unix milliseconds. */
import type { Language } from "../i18n/message";

export type Zone = "utc" | "local";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const two = (n: number): string => String(n).padStart(2, "0");

interface Parts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

function parts(at: number, zone: Zone): Parts {
  const d = new Date(at);
  return zone === "utc"
    ? { year: d.getUTCFullYear(), month: d.getUTCMonth() + 1, day: d.getUTCDate(), hour: d.getUTCHours(), minute: d.getUTCMinutes(), second: d.getUTCSeconds() }
    : { year: d.getFullYear(), month: d.getMonth() + 1, day: d.getDate(), hour: d.getHours(), minute: d.getMinutes(), second: d.getSeconds() };
}

/** `03:14:02`. */
export function clock(at: number, zone: Zone): string {
  const p = parts(at, zone);
  return `${two(p.hour)}:${two(p.minute)}:${two(p.second)}`;
}

/** `03:14:02` on the day of `now`, `11-20 03:14` within half a year, else `2025-11-20`. */
export function moment(at: number, now: number, zone: Zone): string {
  const p = parts(at, zone);
  const n = parts(now, zone);
  if (p.year === n.year && p.month === n.month && p.day === n.day) return clock(at, zone);
  if (Math.abs(now - at) < 180 * DAY) return `${two(p.month)}-${two(p.day)} ${two(p.hour)}:${two(p.minute)}`;
  return `${p.year}-${two(p.month)}-${two(p.day)}`;
}

/** `2026-11-21 03:14:02 UTC`: for tooltips and exports. */
export function absolute(at: number, zone: Zone): string {
  const p = parts(at, zone);
  const offset = -new Date(at).getTimezoneOffset();
  const sign = offset < 0 ? "-" : "+";
  const local = `UTC${sign}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  return `${p.year}-${two(p.month)}-${two(p.day)} ${two(p.hour)}:${two(p.minute)}:${two(p.second)} ${zone === "utc" ? "UTC" : local}`;
}

const units: Record<Language, [string, string, string, string]> = { en: ["d", "h", "m", "s"], zh: ["天", "时", "分", "秒"] };

/** The two largest units: `11m 52s`, `2h 5m`, `3d 4h`; `11分52秒` in Chinese. Negative counts as zero. */
export function duration(ms: number, language: Language): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND));
  const amounts = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  const first = Math.min(3, amounts.findIndex((amount) => amount > 0) === -1 ? 3 : amounts.findIndex((amount) => amount > 0));
  const names = units[language];
  const gap = language === "zh" ? "" : " ";
  const shown = amounts.slice(first, first + 2).map((amount, index) => `${amount}${names[first + index] ?? ""}`);
  return shown.join(gap);
}

/** The largest unit: `11 m`, `2 h`; for rows. */
export function age(ms: number, language: Language): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND));
  const names = units[language];
  const gap = language === "zh" ? "" : " ";
  const sizes = [86_400, 3600, 60, 1];
  const unit = Math.min(3, sizes.findIndex((size) => seconds >= size) === -1 ? 3 : sizes.findIndex((size) => seconds >= size));
  return `${Math.floor(seconds / (sizes[unit] ?? 1))}${gap}${names[unit] ?? ""}`;
}

/** A figure in seconds as lag: `0.4 s`, `31 s`, `22 m`. */
export function lag(seconds: number, language: Language): string {
  if (seconds >= 120) return age(seconds * SECOND, language);
  return `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)}${language === "zh" ? "" : " "}${units[language][3]}`;
}

const SPAN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/;
const SPAN_MS: Record<string, number> = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY };

/** Reads `15m`, `1h30m`, `2d` as milliseconds; null when it is none. */
export function parseSpan(text: string): number | null {
  const found = text.match(/\d+(?:\.\d+)?(?:ms|s|m|h|d|w)/g);
  if (!found || found.join("") !== text) return null;
  return found.reduce((sum, part) => {
    const [, amount = "0", unit = "s"] = SPAN.exec(part) ?? [];
    return sum + Number(amount) * (SPAN_MS[unit] ?? 0);
  }, 0);
}

/** Reads `now`, `now-2h`, an ISO time (UTC where it names no zone) or Unix seconds; null when it is none of them. */
export function parseTime(text: string, now: number): number | null {
  const trimmed = text.trim();
  const relative = /^now(?:-(.+))?$/.exec(trimmed);
  if (relative) {
    const back = relative[1] === undefined ? 0 : parseSpan(relative[1]);
    return back === null ? null : now - back;
  }
  if (/^\d{9,11}$/.test(trimmed)) return Number(trimmed) * SECOND;
  if (!/^\d{4}-\d{2}-\d{2}/.test(trimmed)) return null;
  const iso = trimmed.replace(" ", "T");
  const at = Date.parse(/(Z|[+-]\d{2}:?\d{2})$/.test(iso) || !iso.includes("T") ? iso : `${iso}Z`);
  return Number.isNaN(at) ? null : at;
}
