import { useMemo, useState, type ReactNode } from "react";

import { centre, type Silence, type SilenceDraft } from "../../api/centre";
import { request } from "../../api/client";
import { invalidateLive, useList } from "../../api/store";
import { useText } from "../../i18n/text";
import { useKeys } from "../../keys/keymap";
import { filterOf, matcherText, parseMatchers } from "../../model/matchers";
import type { Mark } from "../../model/severity";
import { Icon } from "../../parts/icon";
import { Shape } from "../../parts/mark";
import { Empty, Panel, Read } from "../../parts/panel";
import { Tabs } from "../../parts/tabs";
import { Foreign } from "../../parts/text";
import { At, Countdown } from "../../parts/time";
import { Link } from "../../shell/rail";
import { complain, tell } from "../../shell/toasts";
import { hrefTo, setParams, usePlace } from "../../url/state";
import SilenceDialog from "./form";
import { silencesIn, SILENCE_VIEWS } from "./list";
import { periodText } from "./until";

const MARKS: Record<Silence["state"], Mark> = { active: "ok", pending: "info", expired: "nodata" };
const SHOWN_MAX = 200;

/** What is held back on purpose: by whom, why, until when, and what that hides now. */
export default function SilencesPage(): ReactNode {
  const t = useText();
  const place = usePlace();
  const { params } = place;
  const view = SILENCE_VIEWS.find((known) => known === params.get("view")) ?? "active";
  const q = params.get("q") ?? "";
  const asked = params.get("new");
  const silences = useList<Silence>(centre.silences);
  const all = useMemo(() => silences.data?.items ?? [], [silences.data]);
  const openedId = params.get("open");
  const opened = all.find((silence) => silence.id === openedId);
  // A link to one shows it wherever it is.
  const listed = useMemo(() => silencesIn(opened && params.get("view") === undefined ? opened.state : view, all, q), [opened, params, view, all, q]);
  const shownView = opened && params.get("view") === undefined ? opened.state : view;
  const [changing, setChanging] = useState<Silence | null>(null);
  const closeNew = (): void => setParams({ new: null }, true);
  useKeys({
    silence: () => setParams({ new: "1" }),
    search: () => document.querySelector<HTMLElement>(".tab-search")?.focus(),
    next: () => step(1),
    previous: () => step(-1),
  });
  const step = (by: number): void => {
    const at = listed.findIndex((silence) => silence.id === openedId);
    const next = listed[Math.max(0, Math.min(listed.length - 1, at < 0 ? 0 : at + by))];
    if (next) setParams({ open: next.id }, openedId !== undefined);
  };
  const expire = async (silence: Silence): Promise<void> => {
    try {
      await request(centre.silence(silence.id), { method: "DELETE" });
      const undo = async (): Promise<void> => {
        const { matchers, starts_at, ends_at, comment, annotations, recurrence, until_resolved } = silence;
        // One that had begun begins now: the server lets none begin in the past.
        const json: SilenceDraft = { matchers, starts_at, ends_at, comment, annotations, recurrence, until_resolved };
        try {
          await request(centre.silences, { method: "POST", json });
        } catch (error) {
          complain(t("act.undoFailed", { reason: error instanceof Error ? error.message : String(error) }));
        }
        invalidateLive();
      };
      tell(t("silence.expired"), { undo: () => void undo() });
    } catch (error) {
      complain(t("act.failed", { what: t("silence.expire"), reason: error instanceof Error ? error.message : String(error) }));
    }
    invalidateLive();
  };
  const active = all.filter((silence) => silence.state === "active");
  return (
    <>
      <header className="sentence">
        <Shape mark={silences.data ? (active.length > 0 ? "info" : "ok") : "unknown"} alone className="s24" />
        <div>
          <h1 className="h2">{silences.data ? t("silences.sentence", { n: active.length }) : t("page.silences")}</h1>
        </div>
        <button type="button" className="primary" onClick={() => setParams({ new: "1" })}>
          <Icon name="add" /> {t("silence.new")}
        </button>
      </header>
      <Tabs
        label={t("page.silences")}
        active={shownView}
        onChoose={(id) => setParams({ view: id, open: null })}
        tabs={SILENCE_VIEWS.map((id) => ({ id, label: t(`silences.view.${id}`), count: silences.data ? silencesIn(id, all).length : undefined }))}
      >
        <input type="search" className="tab-search" aria-label={t("silences.search")} placeholder={t("silences.search")} value={q} onChange={(event) => setParams({ q: event.target.value }, true)} />
      </Tabs>
      <Panel title={t(`silences.view.${shownView}`)}>
        <Read of={silences} what="page.silences" rows={5}>
          {() =>
            listed.length === 0 ? (
              q !== "" && silencesIn(shownView, all).length > 0 ? (
                <Empty mark="info" action={<button type="button" onClick={() => setParams({ q: null })}>{t("empty.clear")}</button>}>
                  {t("silences.filtered", { n: silencesIn(shownView, all).length })}
                </Empty>
              ) : (
                <Empty mark="ok">{t(`silences.none.${shownView}`)}</Empty>
              )
            ) : (
              <ul className="silences">
                {listed.slice(0, SHOWN_MAX).map((silence) => (
                  <li key={silence.id} className={silence.id === openedId ? "open" : ""}>
                    <Shape mark={MARKS[silence.state]} />
                    <div className="group-text">
                      <p className="labels">
                        {silence.matchers.map((matcher, index) => (
                          <span key={index} className={`chip ${matcher.is_equal ? "" : "negative"}`}>
                            <Foreign max={160}>{matcherText(matcher)}</Foreign>
                          </span>
                        ))}
                      </p>
                      <p>
                        <Foreign max={400}>{silence.comment}</Foreign> <span className="quiet">{t.rich("silence.by", {}, { name: <Foreign max={60}>{silence.created_by}</Foreign> })}</span>
                      </p>
                      <p className="quiet small">
                        <At at={Date.parse(silence.starts_at)} /> – <At at={Date.parse(silence.ends_at)} />
                        {silence.until_resolved && <span className="tag">{t("silence.untilResolved")}</span>}
                        {silence.recurrence.map((period, index) => (
                          <span key={index} className="dot">
                            <Foreign max={120}>{periodText(period)}</Foreign>
                          </span>
                        ))}
                        <span className="dot code">{silence.id.slice(0, 8)}</span>
                      </p>
                    </div>
                    <div className="group-side">
                      {silence.state === "expired" ? (
                        <span className="quiet">{t("silences.view.expired")}</span>
                      ) : (
                        <span className="quiet">
                          {silence.state === "pending" && Date.parse(silence.starts_at) > Date.parse(silence.updated_at) && silence.recurrence.length === 0
                            ? t.rich("silence.begins", {}, { d: <Countdown until={Date.parse(silence.starts_at)} /> })
                            : t.rich("silence.left", {}, { d: <Countdown until={Date.parse(silence.ends_at)} /> })}
                        </span>
                      )}
                      {silence.state === "active" && <Link href={hrefTo(place, "alerts", { q: `@held=yes ${filterOf(silence.matchers)}`.trim() })}>{t("silence.hides", { n: silence.hides })}</Link>}
                      <span className="actions">
                        {silence.state !== "expired" && (
                          <>
                            <button type="button" onClick={() => setChanging(silence)}>
                              {t("silence.edit")}
                            </button>
                            <button type="button" onClick={() => void expire(silence)}>
                              {t("silence.expire")}
                            </button>
                          </>
                        )}
                        {silence.state === "expired" && (
                          <button type="button" onClick={() => setParams({ new: silence.matchers.map(matcherText).join(", ") })}>
                            {t("silence.again")}
                          </button>
                        )}
                      </span>
                    </div>
                  </li>
                ))}
              </ul>
            )
          }
        </Read>
        {listed.length > SHOWN_MAX && <p className="panel-foot">{t("incidents.cut", { n: SHOWN_MAX, total: listed.length })}</p>}
      </Panel>
      {asked !== undefined && changing === null && (
        <SilenceDialog key={asked} matchers={asked === "1" ? [] : parseMatchers(asked).matchers} rest={[]} labels={{}} wanted={null} onClose={closeNew} />
      )}
      {changing && <SilenceDialog key={changing.id} matchers={changing.matchers} rest={[]} labels={{}} wanted={null} silence={changing} onClose={() => setChanging(null)} />}
    </>
  );
}
