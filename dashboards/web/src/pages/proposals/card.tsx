import { useId, useState, type ReactNode } from "react";

import { request } from "../../api/client";
import { paths, type Proposal } from "../../api/shapes";
import { invalidateAll } from "../../api/store";
import { visible } from "../../format/untrusted";
import { useText } from "../../i18n/text";
import { markOfSeverity } from "../../model/severity";
import { Dialog } from "../../parts/dialog";
import { Icon } from "../../parts/icon";
import { Badge, Shape } from "../../parts/mark";
import { useNow } from "../../parts/now";
import { Panel } from "../../parts/panel";
import { Foreign } from "../../parts/text";
import { At, Countdown } from "../../parts/time";
import { Link } from "../../shell/rail";
import { hrefTo, usePlace } from "../../url/state";
import { isTyped, wordToType } from "./confirm";

type Decision = "approve" | "deny";

/** One proposal: what would be done, why, on what evidence, until when; and the decision. */
export function ApprovalCard({ proposal }: { proposal: Proposal }): ReactNode {
  const t = useText();
  const place = usePlace();
  const now = useNow();
  const [deciding, setDeciding] = useState<Decision | null>(null);
  const expires = Date.parse(proposal.expires_at);
  const isOpen = proposal.state === "proposed";
  const isOver = isOpen && now >= expires;
  return (
    <Panel
      className={`card ${isOpen ? "asks" : ""}`}
      title={
        <>
          {isOpen && <Shape mark="high" />} {t.rich(isOpen ? "card.yours" : "card.decided", {}, { name: <Foreign max={60}>{proposal.runbook}</Foreign> })}
        </>
      }
      aside={isOpen ? t.rich("card.expires", {}, { d: <Countdown until={expires} from={Date.parse(proposal.created_at)} /> }) : t.word("proposal.state", proposal.state)}
    >
      <div className="panel-body">
        <p>
          {t.rich("card.what", {}, {
            method: <b className="code">{proposal.target.method}</b>,
            url: <Foreign className="code" max={300}>{proposal.target.url}</Foreign>,
          })}{" "}
          <b>{t("card.irreversible")}</b>
        </p>
        {proposal.description && (
          <p>
            <Foreign max={1000}>{proposal.description}</Foreign>
          </p>
        )}
        <dl className="answers">
          <dt>{t("card.for")}</dt>
          <dd>
            <Badge mark={markOfSeverity(proposal.alert.severity)} />{" "}
            <Link href={hrefTo(place, "alerts", { open: proposal.alert.id })}>
              <Foreign>{proposal.alert.name}</Foreign>
            </Link>
          </dd>
          <dt>{t("field.resource")}</dt>
          <dd>{proposal.alert.resource ? <Foreign className="code">{proposal.alert.resource}</Foreign> : "—"}</dd>
          {proposal.reason && (
            <>
              <dt>{t("card.reason")}</dt>
              <dd>
                <Foreign max={500}>{proposal.reason}</Foreign>
              </dd>
            </>
          )}
          <dt>{t("card.since")}</dt>
          <dd>
            <At at={Date.parse(proposal.created_at)} />
          </dd>
          {proposal.decided_by && (
            <>
              <dt>{t("card.by")}</dt>
              <dd>
                <Foreign>{proposal.decided_by}</Foreign> {proposal.decided_at && <At at={Date.parse(proposal.decided_at)} />}
                {proposal.comment && (
                  <>
                    {" · "}
                    <Foreign max={500}>{proposal.comment}</Foreign>
                  </>
                )}
              </dd>
            </>
          )}
          {proposal.next_attempt_at && (
            <>
              <dt>{t("card.next")}</dt>
              <dd>
                <At at={Date.parse(proposal.next_attempt_at)} /> · {t("delivery.tries", { n: proposal.attempts ?? 0 })}
              </dd>
            </>
          )}
          {proposal.last_error && (
            <>
              <dt>{t("card.error")}</dt>
              <dd>
                <Foreign max={500}>{proposal.last_error}</Foreign>
              </dd>
            </>
          )}
          {proposal.receipt && (
            <>
              <dt>{t("card.receipt")}</dt>
              <dd>
                <b>{proposal.receipt.status}</b> <At at={Date.parse(proposal.receipt.at)} /> <Foreign className="code">{proposal.receipt.body}</Foreign>
              </dd>
            </>
          )}
          {proposal.delivery && (
            <>
              <dt>{t("delivery.key")}</dt>
              <dd>
                <Foreign className="code">{proposal.delivery}</Foreign>
              </dd>
            </>
          )}
        </dl>
        <h3>{t("card.evidence")}</h3>
        {proposal.evidence.length === 0 ? (
          <p className="quiet">{t("card.noEvidence")}</p>
        ) : (
          <ul className="evidence">
            {proposal.evidence.map((piece, index) => (
              <li key={index}>
                <Shape mark={piece.verified ? "ok" : "unknown"} />
                <span>
                  <b>
                    <Foreign max={40}>{piece.kind}</Foreign>
                  </b>{" "}
                  <Foreign max={400}>{piece.detail}</Foreign> <span className="quiet">{piece.verified ? t("card.verified") : t("card.unverified")}</span>
                </span>
                {piece.at && (
                  <span className="quiet end">
                    <At at={Date.parse(piece.at)} />
                  </span>
                )}
              </li>
            ))}
          </ul>
        )}
        {isOver && (
          <p className="wrong">{t("card.over")}</p>
        )}
        {isOpen && !isOver && (
          <>
            <p className="decide">
              <button type="button" className="primary" onClick={() => setDeciding("approve")}>
                <Icon name="ack" /> {t("fo.approve")}
              </button>
              <button type="button" onClick={() => setDeciding("deny")}>
                {t("fo.deny")}
              </button>
            </p>
            <p className="quiet small">{t.rich("card.typed", {}, { word: <Foreign className="code">{wordToType(proposal)}</Foreign> })}</p>
          </>
        )}
        <p className="quiet small">
          {t("card.hash")} <span className="code">{visible(proposal.hash).slice(0, 16)}</span>
        </p>
      </div>
      {deciding && <Decide proposal={proposal} decision={deciding} onClose={() => setDeciding(null)} />}
    </Panel>
  );
}

/** The decision itself: approving wants the resource's name typed; what was seen is what is decided, by its hash. */
function Decide({ proposal, decision, onClose }: { proposal: Proposal; decision: Decision; onClose: () => void }): ReactNode {
  const t = useText();
  const typedId = useId();
  const [seen] = useState(proposal.hash);
  const [typed, setTyped] = useState("");
  const [comment, setComment] = useState("");
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<string | null>(null);
  const word = wordToType(proposal);
  const isReady = decision === "deny" || isTyped(typed, word);
  const hasChanged = proposal.hash !== seen;
  const send = async (): Promise<void> => {
    setBusy(true);
    setWrong(null);
    try {
      const json = comment.trim() ? { hash: seen, comment: comment.trim() } : { hash: seen };
      await request(`${paths.runbooks}/${encodeURIComponent(proposal.id)}/${decision}`, { method: "POST", json });
      invalidateAll();
      onClose();
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
      invalidateAll();
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={t(decision === "approve" ? "decide.approve" : "decide.deny")} onClose={onClose}>
      <form
        className="decide-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !busy && !hasChanged) void send();
        }}
      >
        <p>
          {t.rich(decision === "approve" ? "decide.approveText" : "decide.denyText", {}, { name: <b><Foreign max={60}>{proposal.runbook}</Foreign></b>, word: <Foreign className="code">{word}</Foreign> })}
        </p>
        {decision === "approve" && (
          <label htmlFor={typedId}>
            {t.rich("decide.type", {}, { word: <Foreign className="code">{word}</Foreign> })}
            <input id={typedId} data-first autoComplete="off" spellCheck={false} value={typed} onChange={(event) => setTyped(event.target.value)} />
          </label>
        )}
        <label>
          {t("decide.comment")}
          <textarea rows={2} maxLength={1000} value={comment} data-first={decision === "deny" ? true : undefined} onChange={(event) => setComment(event.target.value)} />
        </label>
        <p className="wrong" role="alert">
          {hasChanged ? t("decide.changed") : wrong}
        </p>
        <p className="actions">
          <button type="submit" className={decision === "approve" ? "primary" : "danger"} disabled={!isReady || busy || hasChanged}>
            {t(decision === "approve" ? "decide.doApprove" : "decide.doDeny")}
          </button>
          <button type="button" onClick={onClose}>
            {t("act.cancel")}
          </button>
        </p>
      </form>
    </Dialog>
  );
}
