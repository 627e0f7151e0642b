import type { ReactNode } from "react";

import { paths, type WhyStep } from "../../api/shapes";
import { useList } from "../../api/store";
import { useText } from "../../i18n/text";
import { Empty, Read } from "../../parts/panel";
import { Foreign } from "../../parts/text";
import { At } from "../../parts/time";

/** How a verdict reads: what went on, what was held, what went wrong. */
export function toneOf(verdict: string): "passed" | "held" | "skipped" | "error" {
  if (["silenced", "inhibited", "muted", "held", "waiting", "queued"].includes(verdict)) return "held";
  if (["refused", "skipped", "passed", "pending"].includes(verdict)) return "skipped";
  return ["failed", "dead"].includes(verdict) ? "error" : "passed";
}

/** Every decision about one alert, in the order they fell. */
export function Why({ alert }: { alert: string }): ReactNode {
  const t = useText();
  const steps = useList<WhyStep>(paths.why(alert));
  return (
    <Read of={steps} what="why.heading" rows={4}>
      {(data) =>
        data.items.length === 0 ? (
          <Empty mark="unknown">{t("why.none")}</Empty>
        ) : (
          <ol className="why">
            {data.items.map((step, index) => (
              <li key={index} className={`why-${toneOf(step.verdict)}`}>
                <span className="ring" aria-hidden="true">
                  {index + 1}
                </span>
                <div>
                  <p>
                    <b>{t.word("stage", step.stage)}</b> <span className="tag">{t.word("verdict", step.verdict)}</span>
                    {step.at && (
                      <span className="quiet end">
                        <At at={Date.parse(step.at)} />
                      </span>
                    )}
                  </p>
                  {step.detail && (
                    <p>
                      <Foreign max={400}>{step.detail}</Foreign>
                    </p>
                  )}
                  {step.rule && (
                    <p className="quiet small">
                      <Foreign className="code">{step.rule}</Foreign>
                    </p>
                  )}
                </div>
              </li>
            ))}
          </ol>
        )
      }
    </Read>
  );
}
