import { useState, type ReactNode } from "react";

import { parseSpan, parseTime } from "../../format/time";
import { useText } from "../../i18n/text";
import { present } from "../../parts/now";
import { setParams, usePlace } from "../../url/state";

export const PRESETS = ["15m", "1h", "3h", "6h", "24h", "7d"] as const;

export interface Range {
  /** Seconds. */
  from: number;
  to: number;
  /** Ends at the present. */
  isLive: boolean;
}

/** The range an address names: `range=3h`, or `from` and `to` as texts; an hour when it names none or what it names is wrong. */
export function readRange(params: ReadonlyMap<string, string>, now: number): Range {
  const to = parseTime(params.get("to") ?? "now", now);
  const from = params.has("from") ? parseTime(params.get("from") ?? "", now) : null;
  if (from !== null && to !== null && from < to) return { from: Math.floor(from / 1000), to: Math.floor(to / 1000), isLive: (params.get("to") ?? "now") === "now" };
  const span = parseSpan(params.get("range") ?? "1h") ?? 3_600_000;
  return { from: Math.floor((now - span) / 1000), to: Math.floor(now / 1000), isLive: true };
}

/** Presets, and two fields that take `now-2h` and ISO times. */
export function RangePicker(): ReactNode {
  const t = useText();
  const { params } = usePlace();
  const isOwn = params.has("from");
  const [open, setOpen] = useState(isOwn);
  const [from, setFrom] = useState(params.get("from") ?? "now-2h");
  const [to, setTo] = useState(params.get("to") ?? "now");
  const now = present();
  const a = parseTime(from, now);
  const b = parseTime(to, now);
  const isRight = a !== null && b !== null && a < b;
  return (
    <div className="range">
      <select
        aria-label={t("range.label")}
        data-range
        value={open ? "own" : (params.get("range") ?? "1h")}
        onChange={(event) => {
          const { value } = event.target;
          setOpen(value === "own");
          if (value !== "own") setParams({ range: value === "1h" ? null : value, from: null, to: null });
        }}
      >
        {PRESETS.map((preset) => (
          <option key={preset} value={preset}>
            {t(`range.${preset}`)}
          </option>
        ))}
        <option value="own">{t("range.own")}</option>
      </select>
      {open && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (isRight) setParams({ from, to, range: null });
          }}
        >
          <input aria-label={t("range.from")} aria-invalid={a === null} value={from} onChange={(event) => setFrom(event.target.value)} />
          <input aria-label={t("range.to")} aria-invalid={b === null} value={to} onChange={(event) => setTo(event.target.value)} />
          <button type="submit" disabled={!isRight} title={isRight ? undefined : t("range.wrong")}>
            {t("act.apply")}
          </button>
        </form>
      )}
    </div>
  );
}
