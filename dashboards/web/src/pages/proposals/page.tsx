import { type ReactNode } from "react";

import { paths, type Proposal } from "../../api/shapes";
import { useList } from "../../api/store";
import { useText } from "../../i18n/text";
import { useKeys } from "../../keys/keymap";
import { markOfSeverity, type Mark } from "../../model/severity";
import { Shape } from "../../parts/mark";
import { Empty, Panel, Read } from "../../parts/panel";
import { Tabs } from "../../parts/tabs";
import { Foreign } from "../../parts/text";
import { At, Countdown } from "../../parts/time";
import { Link } from "../../shell/rail";
import { hrefTo, setParams, usePlace } from "../../url/state";
import { ApprovalCard } from "./card";
import { LeverPanel } from "./lever";

/** What a state of a proposal looks like. */
export function markOfProposal(state: Proposal["state"]): Mark {
  switch (state) {
    case "proposed":
      return "high";
    case "approved":
    case "sending":
      return "info";
    case "sent":
      return "ok";
    case "failed":
    case "refused":
      return "warning";
    default:
      return "nodata";
  }
}

/** Waiting ones by expiry, decided ones by decision, the latest first. */
export function sorted(proposals: readonly Proposal[], waiting: boolean): Proposal[] {
  const chosen = proposals.filter((proposal) => (proposal.state === "proposed") === waiting);
  return waiting
    ? chosen.sort((a, b) => a.expires_at.localeCompare(b.expires_at))
    : chosen.sort((a, b) => (b.decided_at ?? b.expires_at).localeCompare(a.decided_at ?? a.expires_at));
}

/** What Isobar proposes to do, and who decides. */
export function ProposalsPage(): ReactNode {
  const t = useText();
  const place = usePlace();
  const proposals = useList<Proposal>(paths.runbooks, 5000);
  const view = place.params.get("view") === "decided" ? "decided" : "waiting";
  const all = proposals.data?.items ?? [];
  const listed = sorted(all, view === "waiting");
  const waiting = all.filter((proposal) => proposal.state === "proposed").length;
  const openedId = place.params.get("open");
  const opened = all.find((proposal) => proposal.id === openedId) ?? (openedId === undefined ? listed[0] : undefined);
  useKeys({
    close: () => {
      if (openedId === undefined) return false;
      setParams({ open: null });
      return true;
    },
    next: () => step(1),
    previous: () => step(-1),
  });
  const step = (by: number): void => {
    const at = listed.findIndex((proposal) => proposal.id === opened?.id);
    const next = listed[Math.max(0, Math.min(listed.length - 1, at + by))];
    if (next) setParams({ open: next.id }, openedId !== undefined);
  };
  return (
    <>
      <header className="sentence">
        <Shape mark={waiting > 0 ? "high" : "ok"} alone className="s24" />
        <h1 className="h2">{proposals.data ? t("proposals.sentence", { n: waiting }) : t("page.proposals")}</h1>
      </header>
      <div className="proposals">
        <div>
          <Tabs
            label={t("page.proposals")}
            active={view}
            onChoose={(id) => setParams({ view: id === "waiting" ? null : id, open: null })}
            tabs={[
              { id: "waiting", label: t("proposals.waiting"), count: proposals.data ? waiting : undefined },
              { id: "decided", label: t("proposals.decided"), count: proposals.data ? all.length - waiting : undefined },
            ]}
          />
          <Panel title={t(view === "waiting" ? "proposals.waiting" : "proposals.decided")}>
            <Read of={proposals} what="page.proposals" rows={4}>
              {() =>
                listed.length === 0 ? (
                  <Empty mark="ok">{t(view === "waiting" ? "proposals.none" : "proposals.noneDecided")}</Empty>
                ) : (
                  <ul className="proposal-list">
                    {listed.map((proposal) => (
                      <li key={proposal.id} className={proposal.id === opened?.id ? "open" : ""}>
                        <Shape mark={markOfProposal(proposal.state)} />
                        <div>
                          <p>
                            <Link href={hrefTo(place, "proposals", { view: view === "decided" ? view : null, open: proposal.id })}>
                              <b>
                                <Foreign max={60}>{proposal.runbook}</Foreign>
                              </b>
                            </Link>{" "}
                            <span className="tag">{t.word("proposal.state", proposal.state)}</span>
                          </p>
                          <p className="quiet">
                            <Shape mark={markOfSeverity(proposal.alert.severity)} alone /> <Foreign max={60}>{proposal.alert.name}</Foreign>
                            {proposal.alert.resource && (
                              <>
                                {" · "}
                                <Foreign max={60}>{proposal.alert.resource}</Foreign>
                              </>
                            )}
                          </p>
                        </div>
                        <span className="figures">
                          {proposal.state === "proposed" ? <Countdown until={Date.parse(proposal.expires_at)} from={Date.parse(proposal.created_at)} /> : proposal.decided_at && <At at={Date.parse(proposal.decided_at)} />}
                        </span>
                      </li>
                    ))}
                  </ul>
                )
              }
            </Read>
          </Panel>
          <LeverPanel />
        </div>
        <div>{opened ? <ApprovalCard key={opened.id} proposal={opened} /> : openedId !== undefined && proposals.data && <Empty mark="unknown">{t("proposals.gone")}</Empty>}</div>
      </div>
    </>
  );
}
