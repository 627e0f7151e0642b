import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";

import { centre, type Incident } from "../../api/centre";
import { useList } from "../../api/store";
import { visible } from "../../format/untrusted";
import { useText } from "../../i18n/text";
import { useKeys } from "../../keys/keymap";
import { INCIDENT_VIEWS, incidentsIn, markOfIncident } from "../../model/incident";
import { worst } from "../../model/severity";
import { Kbd } from "../../parts/kbd";
import { Shape } from "../../parts/mark";
import { Empty, Panel, Read } from "../../parts/panel";
import { Tabs } from "../../parts/tabs";
import { goTo, setParams, usePlace } from "../../url/state";
import { useIncidentActs } from "./acts";
import { IncidentEntry } from "./entry";
import { MergeDialog } from "./merge";

const SHOWN_MAX = 200;

/** All incidents: what is open, what nobody has, what is over. */
export function IncidentList(): ReactNode {
  const t = useText();
  const { params } = usePlace();
  const view = INCIDENT_VIEWS.find((known) => known === params.get("view")) ?? "open";
  const q = params.get("q") ?? "";
  const open = useList<Incident>(`${centre.incidents}?state=open`, 10_000);
  const over = useList<Incident>(view === "closed" ? `${centre.incidents}?state=resolved` : null, 60_000);
  const reading = view === "closed" ? over : open;
  const all = reading.data?.items;
  const listed = useMemo(() => incidentsIn(view, all ?? [], q), [view, all, q]);
  const shown = listed.slice(0, SHOWN_MAX);
  const standing = useMemo(() => incidentsIn("open", open.data?.items ?? []), [open.data]);
  const unowned = standing.filter((incident) => incident.acknowledged_by === null).length;

  const acts = useIncidentActs();
  const [cursor, setCursor] = useState<string | null>(null);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [merging, setMerging] = useState<[Incident, Incident] | null>(null);
  const search = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const at = shown.findIndex((incident) => incident.id === cursor);
  const here = shown[at];
  const move = (by: number): void => setCursor(shown[Math.max(0, Math.min(shown.length - 1, at < 0 ? 0 : at + by))]?.id ?? null);
  useEffect(() => {
    const link = list.current?.querySelector<HTMLElement>("[data-cursor] h3 a");
    link?.focus();
  }, [cursor]);
  const toggle = (id: string): void => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const pair = shown.filter((incident) => chosen.has(incident.id));
  const merge = (): boolean => {
    const [into, from] = pair;
    if (!into || !from || pair.length !== 2) return false;
    setMerging([into, from]);
    return true;
  };
  useKeys({
    next: () => move(1),
    previous: () => move(-1),
    search: () => search.current?.focus(),
    select: () => (here ? (toggle(here.id), true) : false),
    acknowledge: () => (here && here.state !== "resolved" ? (acts.acknowledge(here), true) : false),
    silence: () => (here ? (goTo("incidents", { id: here.id, silence: "1" }), true) : false),
    merge,
    close: () => {
      if (chosen.size === 0) return false;
      setChosen(new Set());
      return true;
    },
  });
  return (
    <>
      <header className="sentence">
        <Shape mark={open.data ? worst(standing.map(markOfIncident)) : "unknown"} alone className="s24" />
        <div>
          <h1 className="h2">
            {open.data ? t("incidents.sentence", { n: standing.length }) : t("page.incidents")} {unowned > 0 && <span className="nobody">{t("state.unowned", { n: unowned })}</span>}
          </h1>
        </div>
      </header>
      <Tabs
        label={t("page.incidents")}
        active={view}
        onChoose={(id) => setParams({ view: id === "open" ? null : id })}
        tabs={INCIDENT_VIEWS.map((id) => ({ id, label: t(`incidents.view.${id}`), count: id === "closed" || !open.data ? undefined : incidentsIn(id, open.data.items).length }))}
      >
        <input ref={search} type="search" className="tab-search" aria-label={t("incidents.search")} placeholder={t("incidents.search")} value={q} onChange={(event) => setParams({ q: event.target.value }, true)} />
      </Tabs>
      <Panel
        title={t(`incidents.view.${view}`)}
        aside={
          chosen.size > 0 ? (
            <button type="button" disabled={pair.length !== 2} title={pair.length === 2 ? undefined : t("incident.mergeTwo")} onClick={merge}>
              {t("incident.mergeN", { n: chosen.size })} <Kbd keys="m" />
            </button>
          ) : null
        }
      >
        <Read of={reading} what="page.incidents" rows={6}>
          {(data) =>
            shown.length === 0 ? (
              q !== "" && data.items.length > 0 ? (
                <Empty mark="info" action={<button type="button" onClick={() => setParams({ q: null })}>{t("empty.clear")}</button>}>
                  {t("incidents.filtered", { n: incidentsIn(view, data.items).length })}
                </Empty>
              ) : (
                <Empty mark="ok">{t(`incidents.none.${view}`)}</Empty>
              )
            ) : (
              <ul className="groups" ref={list}>
                {shown.map((incident) => (
                  <IncidentEntry
                    key={incident.id}
                    incident={incident}
                    isCursor={incident.id === cursor}
                    onAcknowledge={acts.acknowledge}
                    choice={
                      view === "closed" ? undefined : (
                        <input type="checkbox" aria-label={t("table.choose", { name: visible(incident.title).slice(0, 80) })} checked={chosen.has(incident.id)} onChange={() => toggle(incident.id)} />
                      )
                    }
                  />
                ))}
              </ul>
            )
          }
        </Read>
        {listed.length > SHOWN_MAX && <p className="panel-foot">{t("incidents.cut", { n: SHOWN_MAX, total: listed.length })}</p>}
      </Panel>
      {merging && <MergeDialog first={merging[0]} others={[merging[1]]} onMerge={acts.merge} onClose={() => setMerging(null)} />}
    </>
  );
}
