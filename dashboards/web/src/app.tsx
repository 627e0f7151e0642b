import { lazy, Suspense, useMemo, useState, type ReactNode } from "react";

import { togglePause, useLive } from "./api/live";
import { centre, type Incident } from "./api/centre";
import { useAlerts } from "./api/rows";
import { paths, type Proposal, type Source } from "./api/shapes";
import { useList } from "./api/store";
import { useText } from "./i18n/text";
import { useKeyboard, useKeys } from "./keys/keymap";
import { summaryOf, type Summary } from "./model/summary";
import { AlertsPage } from "./pages/alerts/page";
import { OverviewPage } from "./pages/overview/page";
import { ProposalsPage } from "./pages/proposals/page";
import { SourcesPage } from "./pages/sources/page";
import { Boundary } from "./parts/boundary";
import { Empty, Loading } from "./parts/panel";
import { useSettings } from "./settings";
import { Announcer, useTab } from "./shell/announce";
import { AsApi } from "./shell/as-api";
import { Help } from "./shell/help";
import { Palette } from "./shell/palette";
import { Rail } from "./shell/rail";
import { SelfBanner } from "./shell/self-banner";
import { SettingsDialog } from "./shell/settings-dialog";
import { Toasts } from "./shell/toasts";
import { TokenGate } from "./shell/token-gate";
import { LostBanner, TopBar } from "./shell/topbar";
import { toggleZone } from "./shell/zone";
import { goTo, PAGES, usePlace, type Page } from "./url/state";

// Charts and the editor come when they are asked for.
const ExplorePage = lazy(() => import("./pages/explore/page"));
const ResourcesPage = lazy(() => import("./pages/resources/page"));
const IncidentsPage = lazy(() => import("./pages/incidents/page"));
const SilencesPage = lazy(() => import("./pages/silences/page"));
const RoutingPage = lazy(() => import("./pages/routing/page"));

const VIEWS: Record<Page, () => ReactNode> = {
  overview: () => <OverviewPage />,
  incidents: () => <IncidentsPage />,
  alerts: () => <AlertsPage />,
  silences: () => <SilencesPage />,
  routing: () => <RoutingPage />,
  explore: () => <ExplorePage />,
  resources: () => <ResourcesPage />,
  proposals: () => <ProposalsPage />,
  sources: () => <SourcesPage />,
};

const NOTHING_OPEN: Summary = { open: 0, critical: 0, worst: "ok", loud: 0, loudCritical: 0 };

type Opened = "palette" | "help" | "api" | "settings" | null;

export function App(): ReactNode {
  useKeyboard();
  return (
    <TokenGate>
      <Frame />
    </TokenGate>
  );
}

/** What is around every page. */
function Frame(): ReactNode {
  const t = useText();
  const place = usePlace();
  const { settings, change } = useSettings();
  const [opened, setOpened] = useState<Opened>(null);
  const live = useLive();
  const alerts = useAlerts();
  const incidents = useList<Incident>(`${centre.incidents}?state=open`);
  const sources = useList<Source>(paths.sources);
  const proposals = useList<Proposal>(paths.runbooks);

  const { open, critical, worst } = useMemo(() => (alerts.data ? summaryOf(alerts.data) : NOTHING_OPEN), [alerts.data]);
  const counts = {
    alerts: open,
    incidents: incidents.data?.items.filter((incident) => incident.state !== "resolved").length ?? 0,
    proposals: (proposals.data?.items ?? []).filter((proposal) => proposal.state === "proposed").length,
    sources: (sources.data?.items ?? []).filter((source) => source.state === "down" || source.state === "degraded").length,
  };
  useTab(worst, critical, open === 0 ? t(`page.${place.page}`) : t("tab.open", { n: open }), live.state === "late" || live.state === "lost");

  const close = (): void => setOpened(null);
  useKeys({
    ...Object.fromEntries(PAGES.map((page) => [page, () => goTo(page)])),
    palette: () => setOpened((before) => (before === "palette" ? null : "palette")),
    help: () => setOpened("help"),
    pause: togglePause,
    zone: () => toggleZone(settings, change),
    rail: () => change({ narrow: !settings.narrow }),
  });

  return (
    <div className={`frame ${settings.narrow ? "narrow" : ""}`}>
      <a className="skip" href="#main">
        {t("nav.skip")}
      </a>
      <Rail counts={counts} onSettings={() => setOpened("settings")} onMore={() => setOpened("palette")} />
      <div className="column">
        <TopBar onPalette={() => setOpened("palette")} onApi={() => setOpened("api")} onHelp={() => setOpened("help")} detail={place.params.get("id")} />
        <LostBanner />
        <SelfBanner />
        <main id="main" tabIndex={-1} className={`page page-${place.page}`}>
          <Boundary resetKey={window.location.href}>
            <Suspense fallback={<Loading rows={8} />}>
              {place.unknown ? <Empty mark="unknown">{t("page.unknown", { path: place.unknown })}</Empty> : VIEWS[place.page]()}
            </Suspense>
          </Boundary>
        </main>
      </div>
      <Announcer open={open} critical={critical} ready={alerts.state === "ready"} />
      <Toasts />
      {opened === "palette" && <Palette onClose={close} onHelp={() => setOpened("help")} onApi={() => setOpened("api")} onSettings={() => setOpened("settings")} />}
      {opened === "help" && <Help onClose={close} />}
      {opened === "api" && <AsApi onClose={close} />}
      {opened === "settings" && <SettingsDialog onClose={close} />}
    </div>
  );
}
