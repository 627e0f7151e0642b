import type { ReactNode } from "react";

import { togglePause, useLive } from "../api/live";
import { clock } from "../format/time";
import { useText } from "../i18n/text";
import { Icon } from "../parts/icon";
import { Kbd } from "../parts/kbd";
import { useNow } from "../parts/now";
import { useSettings } from "../settings";
import { usePlace } from "../url/state";
import { toggleZone } from "./zone";

/** Page, search, zone, live state, pause, As API. */
export function TopBar({ onPalette, onApi, onHelp, detail }: { onPalette: () => void; onApi: () => void; onHelp: () => void; detail?: string | undefined }): ReactNode {
  const t = useText();
  const place = usePlace();
  const { settings, change } = useSettings();
  const live = useLive();
  const now = useNow();
  const isBehind = live.state === "late" || live.state === "lost";
  const heard = live.heardAt === null ? t("live.never") : clock(live.heardAt, settings.zone);
  return (
    <header className={`topbar ${isBehind ? "behind" : ""}`}>
      <p className="crumb">
        <b>{t(`page.${place.page}`)}</b>
        {detail !== undefined && <bdi className="quiet crumb-detail"> / {detail}</bdi>}
      </p>
      <button type="button" className="search" onClick={onPalette} aria-keyshortcuts="Control+K">
        <Icon name="search" />
        <span>{t("top.search")}</span>
        <Kbd keys="Ctrl k" />
      </button>
      <div className="topbar-end">
        <button type="button" className="bare" onClick={() => toggleZone(settings, change)} title={t("top.zone")}>
          {t(`zone.${settings.zone}`)}
        </button>
        <span className={`live live-${live.state}`}>
          <i aria-hidden="true" />
          {live.state === "paused" ? t("live.paused") : isBehind ? t("live.stale", { t: heard }) : live.state === "connecting" ? t("live.connecting") : t("live.on")}
          {" · "}
          <time className="figures">{clock(now, settings.zone)}</time>
        </span>
        <button type="button" className="bare" onClick={togglePause} aria-pressed={live.state === "paused"} aria-label={live.state === "paused" ? t("live.resume") : t("live.pause")} title={live.state === "paused" ? t("live.resume") : t("live.pause")}>
          <Icon name={live.state === "paused" ? "play" : "pause"} />
        </button>
        <button type="button" className="bare wide" onClick={onApi}>
          <Icon name="api" /> {t("act.asApi")}
        </button>
        <button type="button" className="bare" onClick={onHelp} aria-label={t("help.title")} title={t("help.title")}>
          <Icon name="why" />
        </button>
      </div>
    </header>
  );
}

/** Across the page when nothing was heard for a minute. */
export function LostBanner(): ReactNode {
  const t = useText();
  const live = useLive();
  const now = useNow();
  const { zone } = useSettings().settings;
  if (live.state !== "lost") return null;
  const wait = live.retryAt === null ? 0 : Math.max(0, Math.ceil((live.retryAt - now) / 1000));
  const since = live.heardAt === null ? t("live.never") : clock(live.heardAt, zone);
  return (
    <p className="banner" role="alert">
      {t("live.stale", { t: since })} · {t("live.reconnect", { d: `${wait} s` })}
    </p>
  );
}
