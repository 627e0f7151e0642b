import { useState, type ReactNode } from "react";

import { centre, type Receiver, type ReceiverChannel, type TestAnswer } from "../../api/centre";
import { request } from "../../api/client";
import { invalidateLive } from "../../api/store";
import { useText } from "../../i18n/text";
import { rank, worst, type Mark } from "../../model/severity";
import { Icon } from "../../parts/icon";
import { Shape } from "../../parts/mark";
import { Empty, Panel } from "../../parts/panel";
import { Foreign } from "../../parts/text";
import { At } from "../../parts/time";

export function markOfChannel(channel: Pick<ReceiverChannel, "dead" | "failed">): Mark {
  return channel.dead > 0 ? "high" : channel.failed > 0 ? "warning" : "ok";
}

/** Receivers in trouble first. */
export function troubledFirst(receivers: readonly Receiver[]): Receiver[] {
  const mark = (receiver: Receiver): number => rank(worst(receiver.channels.map(markOfChannel)));
  return [...receivers].sort((a, b) => mark(a) - mark(b) || a.name.localeCompare(b.name));
}

/** Every receiver: where it sends, whether that arrives, and a test message on request. */
export function Receivers({ receivers }: { receivers: readonly Receiver[] }): ReactNode {
  const t = useText();
  if (receivers.length === 0) return <Empty mark="unknown">{t("receivers.none")}</Empty>;
  return (
    <div className="receivers">
      {troubledFirst(receivers).map((receiver) => (
        <ReceiverPanel key={receiver.name} receiver={receiver} />
      ))}
    </div>
  );
}

function ReceiverPanel({ receiver }: { receiver: Receiver }): ReactNode {
  const t = useText();
  const [busy, setBusy] = useState(false);
  const [answer, setAnswer] = useState<TestAnswer | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const test = async (): Promise<void> => {
    setBusy(true);
    setWrong(null);
    setAnswer(null);
    try {
      setAnswer(await request<TestAnswer>(centre.receiverTest(receiver.name), { method: "POST", json: {} }));
      invalidateLive();
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Panel
      title={
        <>
          <Shape mark={worst(receiver.channels.map(markOfChannel))} alone /> <Foreign max={60}>{receiver.name}</Foreign>
        </>
      }
      aside={
        <>
          <span>{t("receivers.routes", { n: receiver.routes })}</span>{" "}
          <button type="button" disabled={busy || receiver.channels.length === 0} onClick={() => void test()}>
            <Icon name="send" /> {t(busy ? "receivers.testing" : "receivers.test")}
          </button>
        </>
      }
    >
      {receiver.channels.length === 0 && <p className="panel-body quiet">{t("receivers.silent")}</p>}
      <ul className="receipts panel-body">
        {receiver.channels.map((channel) => {
          const tested = answer?.results.find((result) => result.channel === channel.channel && result.index === channel.index);
          return (
            <li key={`${channel.channel} ${channel.index}`}>
              <p>
                <Shape mark={markOfChannel(channel)} alone /> <b>{channel.channel}</b> {channel.target && <Foreign max={80}>{channel.target}</Foreign>} {channel.index > 0 && <span className="quiet">{t.number(channel.index + 1)}</span>}
                <span className="quiet end">{t("receivers.sent", { n: channel.sent_last_hour })}</span>
              </p>
              <p className="quiet small">
                {channel.last_sent_at === null ? t("delivery.never") : t.rich("delivery.last", {}, { at: <At at={Date.parse(channel.last_sent_at)} /> })}
                {channel.queued > 0 && <span className="dot">{t("delivery.queued", { n: channel.queued })}</span>}
                {channel.failed > 0 && <span className="dot">{t("delivery.failed", { n: channel.failed })}</span>}
                {channel.dead > 0 && <span className="dot">{t("delivery.dead", { n: channel.dead })}</span>}
              </p>
              {channel.last_error && (
                <p className="small">
                  <Foreign max={300}>{channel.last_error}</Foreign> {channel.last_error_at && <span className="quiet"><At at={Date.parse(channel.last_error_at)} /></span>}
                </p>
              )}
              {tested && (
                <p role="status" className={tested.is_taken ? "" : "wrong"}>
                  <Shape mark={tested.is_taken ? "ok" : "high"} /> {t(tested.is_taken ? "receivers.taken" : "receivers.refused")} {!tested.is_taken && <span className="tag">{t.word("test.stage", tested.stage)}</span>} <Foreign max={300}>{tested.detail}</Foreign>
                  {tested.stages.map((step) => step.took_ms !== null && <span key={step.stage} className="quiet dot">{t.word("test.stage", step.stage)} {t("receivers.took", { ms: step.took_ms })}</span>)}
                </p>
              )}
            </li>
          );
        })}
      </ul>
      <p className="wrong" role="alert">
        {wrong}
      </p>
    </Panel>
  );
}
