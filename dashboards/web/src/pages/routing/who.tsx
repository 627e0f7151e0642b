import type { ReactNode } from "react";

import { useAnswer } from "../../api/answer";
import { centre, type WhoAnswer } from "../../api/centre";
import { useText } from "../../i18n/text";
import { parseLabels } from "../../model/matchers";
import { Shape } from "../../parts/mark";
import { Empty, Panel } from "../../parts/panel";
import { Foreign } from "../../parts/text";
import { setParams, usePlace } from "../../url/state";

/** Who would get an alert with these labels, and by which way. */
export function Who(): ReactNode {
  const t = useText();
  const { params } = usePlace();
  const text = params.get("labels") ?? "";
  const { labels, wrongAt } = parseLabels(text);
  const isAsked = text.trim() !== "" && wrongAt === null && Object.keys(labels).length > 0;
  const answer = useAnswer<WhoAnswer>(isAsked ? centre.routesPreview : null, { labels });
  return (
    <Panel title={t("who.title")}>
      <div className="panel-body">
        <label className="stacked">
          {t("who.labels")}
          <textarea rows={3} className="code" spellCheck={false} placeholder={t("who.example")} aria-invalid={wrongAt !== null} value={text} onChange={(event) => setParams({ labels: event.target.value }, true)} />
        </label>
        <p className="wrong" role="alert">
          {wrongAt !== null && t("who.wrong", { what: text.slice(wrongAt, wrongAt + 40) })}
          {answer.error?.message}
        </p>
        {answer.data && isAsked ? (
          <>
            <p aria-live="polite">
              {answer.data.receivers.length === 0
                ? t("who.nobody")
                : t.rich("who.receivers", { n: answer.data.receivers.length }, { names: <b><Foreign>{[...new Set(answer.data.receivers.map((one) => one.receiver))].join(", ")}</Foreign></b> })}
            </p>
            {answer.data.silenced_by.length > 0 && <p className="wrong">{t("detail.silenced", { n: answer.data.silenced_by.length })}</p>}
            {answer.data.inhibited_by.length > 0 && <p className="wrong">{t("detail.inhibited", { n: answer.data.inhibited_by.length })}</p>}
            {answer.data.receivers.flatMap((one) => one.muted_by).length > 0 && (
              <p className="wrong">{t.rich("detail.muted", {}, { name: <Foreign>{[...new Set(answer.data.receivers.flatMap((one) => one.muted_by))].join(", ")}</Foreign> })}</p>
            )}
            <ol className="path">
              {answer.data.path.map((step) => (
                <li key={step.place} className={step.is_match ? "" : "why-skipped"}>
                  <Shape mark={step.is_match ? "ok" : "nodata"} />
                  <div>
                    <p>
                      <span className="code">{step.place}</span> <b><Foreign max={60}>{step.receiver}</Foreign></b> <span className="tag">{t(step.is_match ? "who.match" : "who.noMatch")}</span>
                    </p>
                    {step.detail && (
                      <p className="quiet small">
                        <Foreign max={300}>{step.detail}</Foreign>
                      </p>
                    )}
                  </div>
                </li>
              ))}
            </ol>
          </>
        ) : (
          !answer.error && <Empty mark="info">{t(answer.isAsking ? "read.loading" : "who.start")}</Empty>
        )}
      </div>
    </Panel>
  );
}
