import type { ReactNode } from "react";

import { centre, type Receiver, type Routing } from "../../api/centre";
import { useList, useReading } from "../../api/store";
import { useText } from "../../i18n/text";
import { Shape } from "../../parts/mark";
import { Read } from "../../parts/panel";
import { Tabs } from "../../parts/tabs";
import { setParams, usePlace } from "../../url/state";
import { ChangedConfig } from "./changed";
import { Receivers } from "./receivers";
import { ReplayView } from "./replay";
import { Tree } from "./tree";
import { Who } from "./who";

const VIEWS = ["tree", "receivers", "preview", "replay"] as const;

/** Who is told of what: the tree, who would get an alert, what a change would do, and whether receivers take it. */
export default function RoutingPage(): ReactNode {
  const t = useText();
  const { params } = usePlace();
  const view = VIEWS.find((known) => known === params.get("view")) ?? "tree";
  const routing = useReading<Routing>(centre.routes, { every: 15_000, live: true });
  const receivers = useList<Receiver>(centre.receivers, 10_000);
  const dead = (receivers.data?.items ?? []).filter((receiver) => receiver.channels.some((channel) => channel.dead > 0 || channel.failed > 0)).length;
  return (
    <>
      <header className="sentence">
        <Shape mark={receivers.data ? (dead > 0 ? "high" : "ok") : "unknown"} alone className="s24" />
        <div>
          <h1 className="h2">{receivers.data ? t("routing.sentence", { n: receivers.data.items.length, dead }) : t("page.routing")}</h1>
        </div>
      </header>
      <Tabs label={t("page.routing")} active={view} onChoose={(id) => setParams({ view: id === "tree" ? null : id })} tabs={VIEWS.map((id) => ({ id, label: t(`routing.view.${id}`), count: id === "receivers" ? receivers.data?.items.length : undefined }))} />
      {view === "tree" && (
        <div className="routing">
          <Read of={routing} what="page.routing" rows={8}>
            {(data) => <Tree route={data.route} />}
          </Read>
          <Who />
        </div>
      )}
      {view === "receivers" && (
        <Read of={receivers} what="routing.view.receivers" rows={6}>
          {(data) => <Receivers receivers={data.items} />}
        </Read>
      )}
      {(view === "preview" || view === "replay") && (
        <Read of={routing} what="page.routing" rows={8}>
          {(data) => (view === "preview" ? <ChangedConfig config={data.config} /> : <ReplayView config={data.config} />)}
        </Read>
      )}
    </>
  );
}
