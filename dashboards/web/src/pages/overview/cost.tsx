import type { ReactNode } from "react";

import type { Source } from "../../api/shapes";
import { money } from "../../format/value";
import { useText } from "../../i18n/text";
import { bills } from "../../model/source";
import { Bar } from "../../parts/bar";
import { Foreign } from "../../parts/text";

/** What watching costs this month. */
export function CostPanel({ sources }: { sources: readonly Source[] }): ReactNode {
  const t = useText();
  const all = bills(sources);
  if (all.length === 0) return <p className="panel-body quiet">{t("cost.none")}</p>;
  return (
    <div className="panel-body">
      {all.map((bill) => (
        <div key={bill.currency} className="bill">
          <p>
            <span className="figure">{money(bill.projected, bill.currency)}</span> {t("cost.projected")}
            <span className="quiet end">{t("cost.calls", { n: bill.calls })}</span>
          </p>
          <Bar parts={bill.sources.map((source) => ({ name: source.name, size: source.projected }))} label={t("cost.bySource")} />
          <p className="legend">
            {bill.sources.slice(0, 4).map((source, index) => (
              <span key={source.name}>
                <i className={`swatch s${(index % 8) + 1}`} aria-hidden="true" /> <Foreign max={24}>{source.name}</Foreign> {money(source.projected, bill.currency)}
              </span>
            ))}
          </p>
        </div>
      ))}
    </div>
  );
}
