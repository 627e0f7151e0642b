import { useState, type ReactNode } from "react";

import { request } from "../../api/client";
import { paths, type Delivery } from "../../api/shapes";
import { invalidateLive } from "../../api/store";
import { useText } from "../../i18n/text";
import { Icon } from "../../parts/icon";
import { Shape } from "../../parts/mark";
import { Foreign } from "../../parts/text";
import { At } from "../../parts/time";

/** One message to one receiver: where it stands and its proof; one that was given up can be sent again. */
export function DeliveryRow({ delivery }: { delivery: Delivery }): ReactNode {
  const t = useText();
  const [wrong, setWrong] = useState<string | null>(null);
  const resend = async (): Promise<void> => {
    setWrong(null);
    try {
      await request(`${paths.deliveries}/${encodeURIComponent(delivery.id)}/resend`, { method: "POST", json: {} });
      invalidateLive();
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
    }
  };
  const mark = delivery.state === "sent" ? "ok" : delivery.state === "dead" ? "high" : delivery.state === "failed" ? "warning" : "info";
  return (
    <li>
      <p>
        <Shape mark={mark} /> <Foreign max={40}>{`${delivery.receiver} ${delivery.channel}`}</Foreign> · {t.word("transition", delivery.transition)} ·{" "}
        {t.word("delivery.state", delivery.state)}
        <span className="quiet end">{delivery.sent_at ? <At at={Date.parse(delivery.sent_at)} /> : <At at={Date.parse(delivery.queued_at)} />}</span>
      </p>
      {delivery.last_error && (
        <p className="quiet small">
          {t("delivery.tries", { n: delivery.attempts })} <Foreign max={300}>{delivery.last_error}</Foreign>
        </p>
      )}
      <p className="quiet small">
        {t("delivery.key")} <Foreign className="code" max={60}>{delivery.idempotency_key}</Foreign>
        <button type="button" className="bare" aria-label={t("delivery.copyKey")} title={t("delivery.copyKey")} onClick={() => void navigator.clipboard?.writeText(delivery.idempotency_key)}>
          <Icon name="copy" />
        </button>
        {delivery.state === "dead" && (
          <button type="button" onClick={() => void resend()}>
            {t("delivery.resend")}
          </button>
        )}
      </p>
      {wrong && (
        <p className="wrong" role="alert">
          {wrong}
        </p>
      )}
    </li>
  );
}
