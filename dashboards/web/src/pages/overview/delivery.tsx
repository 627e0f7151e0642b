import type { ReactNode } from "react";

import type { Delivery } from "../../api/shapes";
import { useText } from "../../i18n/text";
import type { Mark } from "../../model/severity";
import { rank } from "../../model/severity";
import { useNow } from "../../parts/now";
import { Shape } from "../../parts/mark";
import { Empty } from "../../parts/panel";
import { Foreign } from "../../parts/text";
import { At } from "../../parts/time";

const HOUR = 3_600_000;
const SHOWN_MAX = 4;

export interface Channel {
  name: string;
  mark: Mark;
  sentLastHour: number;
  queued: number;
  failed: number;
  dead: number;
  lastSentAt: number | null;
}

/** Deliveries by receiver and channel, what is in trouble first. */
export function channelsOf(deliveries: readonly Delivery[], now: number): Channel[] {
  const channels = new Map<string, Channel>();
  for (const delivery of deliveries) {
    const name = `${delivery.receiver} ${delivery.channel}`;
    const channel = channels.get(name) ?? { name, mark: "ok", sentLastHour: 0, queued: 0, failed: 0, dead: 0, lastSentAt: null };
    channels.set(name, channel);
    if (delivery.state === "sent") {
      const at = delivery.sent_at ? Date.parse(delivery.sent_at) : null;
      if (at !== null && now - at < HOUR) channel.sentLastHour += 1;
      if (at !== null && at > (channel.lastSentAt ?? 0)) channel.lastSentAt = at;
    } else channel[delivery.state] += 1;
  }
  for (const channel of channels.values()) channel.mark = channel.dead > 0 ? "high" : channel.failed > 0 ? "warning" : "ok";
  return [...channels.values()].sort((a, b) => rank(a.mark) - rank(b.mark) || a.name.localeCompare(b.name));
}

/** Whether pages go out. */
export function DeliveryPanel({ deliveries }: { deliveries: readonly Delivery[] }): ReactNode {
  const t = useText();
  const now = useNow();
  const channels = channelsOf(deliveries, now);
  if (channels.length === 0) return <Empty mark="ok">{t("delivery.none")}</Empty>;
  return (
    <table className="lines">
      <tbody>
        {channels.slice(0, SHOWN_MAX).map((channel) => (
          <tr key={channel.name}>
            <th scope="row">
              <Shape mark={channel.mark} alone /> <Foreign max={40}>{channel.name}</Foreign>
            </th>
            <td className="figures">{t.number(channel.sentLastHour)}</td>
            <td className="quiet">
              {channel.dead > 0 ? (
                t("delivery.dead", { n: channel.dead })
              ) : channel.failed > 0 ? (
                t("delivery.failed", { n: channel.failed })
              ) : channel.queued > 0 ? (
                t("delivery.queued", { n: channel.queued })
              ) : channel.lastSentAt === null ? (
                t("delivery.never")
              ) : (
                t.rich("delivery.last", {}, { at: <At at={channel.lastSentAt} /> })
              )}
            </td>
          </tr>
        ))}
        {channels.length > SHOWN_MAX && (
          <tr>
            <td colSpan={3} className="quiet">
              {t("delivery.more", { n: channels.length - SHOWN_MAX })}
            </td>
          </tr>
        )}
      </tbody>
    </table>
  );
}
