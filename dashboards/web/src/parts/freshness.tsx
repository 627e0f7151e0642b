import type { ReactNode } from "react";

import type { Freshness } from "../api/shapes";
import { useText } from "../i18n/text";

/** Blocks of two minutes: full, short where some samples came, hatched where none did, outlined where it is not known. */
export function FreshnessStrip({ blocks }: { blocks: readonly Freshness[] }): ReactNode {
  const t = useText();
  const count = (word: Freshness): number => blocks.filter((block) => block === word).length;
  const label = t("fresh.label", { full: count("full"), partial: count("partial"), none: count("none"), unknown: count("unknown"), n: blocks.length });
  return (
    <svg className="freshness" viewBox={`0 0 ${blocks.length * 6} 14`} width={blocks.length * 6} height="14" role="img" aria-label={label}>
      {blocks.map((block, index) =>
        block === "partial" ? (
          <rect key={index} className="partial" x={index * 6} y="6" width="5" height="8" rx="1" />
        ) : block === "none" ? (
          <path key={index} className="none" d={`M${index * 6} 14l5-5M${index * 6} 8l5-5M${index * 6} 5l4-4M${index * 6 + 2} 14l3-3`} />
        ) : (
          <rect key={index} className={block} x={index * 6 + (block === "full" ? 0 : 0.5)} y={block === "full" ? 0 : 0.5} width={block === "full" ? 5 : 4} height={block === "full" ? 14 : 13} rx="1" />
        ),
      )}
    </svg>
  );
}
