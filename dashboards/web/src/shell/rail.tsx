import type { MouseEvent, ReactNode } from "react";

import { useText } from "../i18n/text";
import { Icon, type IconName } from "../parts/icon";
import { go, hrefTo, PAGES, usePlace, type Page } from "../url/state";
import { useSettings } from "../settings";

export const PAGE_ICONS: Record<Page, IconName> = {
  overview: "overview",
  incidents: "incident",
  alerts: "alerts",
  silences: "silence",
  routing: "routing",
  explore: "explore",
  resources: "resources",
  proposals: "failover",
  sources: "sources",
};

/** A link that stays in the page; with a modifier it is the browser's. */
export function Link({ href, className, current = false, children, title }: { href: string; className?: string; current?: boolean; children: ReactNode; title?: string | undefined }): ReactNode {
  const follow = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(href);
  };
  return (
    <a href={href} className={className} aria-current={current ? "page" : undefined} title={title} onClick={follow}>
      {children}
    </a>
  );
}

export type Counts = Partial<Record<Page, number>>;

/** Pages that have no room in the bottom bar: they are behind More. */
const LATER: readonly Page[] = ["silences", "routing", "explore", "resources", "sources"];

/** The rail on a desk, the bottom bar on a phone. */
export function Rail({ counts, onSettings, onMore }: { counts: Counts; onSettings: () => void; onMore: () => void }): ReactNode {
  const t = useText();
  const place = usePlace();
  const { narrow } = useSettings().settings;
  return (
    <nav className={`rail ${narrow ? "narrow" : ""}`} aria-label={t("nav.label")}>
      <div className="brand" aria-hidden="true">
        <svg viewBox="0 0 20 16" className="logo">
          <path d="M1 13a9 9 0 0 1 18 0M4.5 13.5a5.5 5.5 0 0 1 11 0M8 14a2 2 0 0 1 4 0" />
        </svg>
        <span className="word">{t("app.name")}</span>
      </div>
      <ul>
        {PAGES.map((page) => {
          const count = counts[page];
          return (
            <li key={page} className={LATER.includes(page) ? "later" : undefined}>
              <Link href={hrefTo(place, page)} current={place.page === page && !place.unknown} title={t(`page.${page}`)}>
                <Icon name={PAGE_ICONS[page]} />
                <span className="word">{t(`page.${page}`)}</span>
                {count !== undefined && count > 0 && <span className="count">{t.number(count)}</span>}
              </Link>
            </li>
          );
        })}
        <li className="more">
          <button type="button" onClick={onMore}>
            <Icon name="more" />
            <span className="word">{t("nav.more")}</span>
          </button>
        </li>
      </ul>
      <button type="button" className="rail-settings" onClick={onSettings} title={narrow ? t("settings.title") : undefined}>
        <Icon name="settings" />
        <span className="word">{t("settings.title")}</span>
      </button>
    </nav>
  );
}
