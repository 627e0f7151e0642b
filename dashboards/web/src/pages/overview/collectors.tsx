import type { ReactNode } from "react";

import type { Source } from "../../api/shapes";
import { lag } from "../../format/time";
import { useText } from "../../i18n/text";
import { markOfSource, troubleFirst } from "../../model/source";
import { Shape } from "../../parts/mark";
import { Empty } from "../../parts/panel";
import { Foreign } from "../../parts/text";
import { Link } from "../../shell/rail";
import { hrefTo, usePlace } from "../../url/state";

const SHOWN_MAX = 4;

/** Whether data comes in: sources in trouble, and how far behind the others are. */
export function Collectors({ sources }: { sources: readonly Source[] }): ReactNode {
  const t = useText();
  const place = usePlace();
  if (sources.length === 0) return <Empty mark="unknown">{t("empty.noSource")}</Empty>;
  const sorted = troubleFirst(sources);
  const shown = sorted.length > SHOWN_MAX ? sorted.slice(0, SHOWN_MAX - 1) : sorted;
  const rest = sorted.slice(shown.length);
  const restLag = Math.max(...rest.map((source) => source.lag_seconds ?? 0));
  return (
    <table className="lines">
      <tbody>
        {shown.map((source) => (
          <tr key={source.name}>
            <th scope="row">
              <Shape mark={markOfSource(source)} alone />{" "}
              <Link href={hrefTo(place, "sources", { open: source.name })}>
                <Foreign max={30}>{source.name}</Foreign>
              </Link>
            </th>
            <td className="figures">{source.lag_seconds === null ? t("source.noData") : lag(source.lag_seconds, t.language)}</td>
            <td className="quiet cut" title={source.reason ?? undefined}>{source.reason ? <Foreign max={70}>{source.reason}</Foreign> : t.word("source.state", source.state)}</td>
          </tr>
        ))}
        {rest.length > 0 && (
          <tr>
            <th scope="row">
              <Shape mark={markOfSource(rest[0] ?? shown[0])} alone /> {t("collectors.others", { n: rest.length })}
            </th>
            <td className="figures">{`≤ ${lag(restLag, t.language)}`}</td>
            <td />
          </tr>
        )}
      </tbody>
    </table>
  );
}
