import type { ReactNode } from "react";

import type { Outage } from "../../api/centre";
import { providerName } from "../../model/provider";
import { useText } from "../../i18n/text";
import { Shape } from "../../parts/mark";
import { Panel } from "../../parts/panel";
import { Foreign } from "../../parts/text";
import { At } from "../../parts/time";

/** What speaks for an outage, and what speaks against it. */
export function OutagePanel({ outage, provider }: { outage: Outage; provider: string }): ReactNode {
  const t = useText();
  const hasNotice = outage.evidence.some((piece) => piece.class === "notice");
  return (
    <Panel
      title={t("outage.title")}
      aside={
        <>
          <b>{t(`outage.${outage.level}`)}</b> · {t("outage.kinds", { n: new Set(outage.evidence.map((piece) => piece.class)).size })}
        </>
      }
    >
      <ul className="evidence panel-body">
        {outage.evidence.map((piece, index) => (
          <li key={index}>
            <Shape mark="high" />
            <span>
              <b>{t.word("evidence", piece.class)}</b> <Foreign max={400}>{piece.detail}</Foreign>
            </span>
            <span className="quiet end">
              <At at={Date.parse(piece.at)} />
            </span>
          </li>
        ))}
        {outage.against.map((text) => (
          <li key={text}>
            <Shape mark="info" />
            <span>
              <b>{t("outage.against")}</b> <Foreign max={400}>{text}</Foreign>
            </span>
          </li>
        ))}
        {!hasNotice && outage.cause === "provider" && (
          <li>
            <Shape mark="unknown" />
            <span>{t("outage.noNotice", { provider: providerName(provider) })}</span>
          </li>
        )}
      </ul>
    </Panel>
  );
}
