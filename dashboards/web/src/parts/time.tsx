import type { ReactNode } from "react";

import { absolute, age, clock, duration, moment } from "../format/time";
import { useText } from "../i18n/text";
import { useSettings } from "../settings";
import { useNow } from "./now";

/** A clock time, and the whole of it on hover. */
export function At({ at, day = true }: { at: number; day?: boolean }): ReactNode {
  const { zone } = useSettings().settings;
  const now = useNow();
  return (
    <time dateTime={new Date(at).toISOString()} title={absolute(at, zone)}>
      {day ? moment(at, now, zone) : clock(at, zone)}
    </time>
  );
}

/** How long ago, in the largest unit. */
export function Age({ since, until = null }: { since: number; until?: number | null }): ReactNode {
  const { language } = useText();
  const now = useNow();
  return <span className="age">{age((until ?? now) - since, language)}</span>;
}

/** How long, in two units. */
export function Lasting({ since, until = null }: { since: number; until?: number | null }): ReactNode {
  const { language } = useText();
  const now = useNow();
  return <span className="figures">{duration((until ?? now) - since, language)}</span>;
}

/** The time left; short below a quarter of the whole, over after its end. */
export function Countdown({ until, from = null }: { until: number; from?: number | null }): ReactNode {
  const t = useText();
  const now = useNow();
  const left = until - now;
  if (left < 0) return <span className="figures countdown over">{t("time.over", { d: duration(-left, t.language) })}</span>;
  const isShort = from !== null && until > from && left < (until - from) / 4;
  return (
    <span className={`figures countdown ${isShort ? "short" : ""}`}>
      {duration(left, t.language)}
      {isShort && <span className="quiet"> {t("time.short")}</span>}
    </span>
  );
}
