import type { ReactNode } from "react";

import { useText, type Speaker } from "../i18n/text";
import { providerMark, providerName } from "../model/provider";
import type { Mark } from "../model/severity";

/** Shapes in a 16 × 16 box; `cut` is drawn in the colour of the surface. */
const SHAPES: Record<Mark, ReactNode> = {
  critical: (
    <>
      <path className="fill" d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" />
      <path className="cut w2" d="M8 4v4.6M8 11.6v.1" />
    </>
  ),
  high: (
    <>
      <path className="fill" d="M8 1.2 15.4 14.4H.6z" />
      <path className="cut" d="M8 6v3.6M8 12v.1" />
    </>
  ),
  warning: <path className="fill edge" d="M8 1.2 14.8 8 8 14.8 1.2 8z" />,
  info: (
    <>
      <circle className="line w2" cx="8" cy="8" r="6" />
      <path className="line" d="M8 7.4v3.2M8 5v.1" />
    </>
  ),
  ok: <path className="line w2" d="M2.5 8.5 6.4 12.3 13.5 4.2" />,
  unknown: (
    <>
      <circle className="line dashed" cx="8" cy="8" r="6.4" />
      <path className="line" d="M6.3 6.4a1.8 1.8 0 1 1 2.6 1.6c-.7.35-.9.7-.9 1.3M8 11.4v.1" />
    </>
  ),
  nodata: (
    <>
      <rect className="line" x="2" y="2" width="12" height="12" rx="1" />
      <path className="line" d="M2.5 9 9 2.5M4 13.5 13.5 4M8.5 13.5l5-5" />
    </>
  ),
};

/** The shape of a mark. Alone it carries the mark's word; beside the word it is silent. */
export function Shape({ mark, alone = false, outline = false, className = "" }: { mark: Mark; alone?: boolean; outline?: boolean; className?: string }): ReactNode {
  const t = useText();
  const names = `shape m-${mark}${outline ? " outline" : ""} ${className}`;
  return alone ? (
    <svg className={names} viewBox="0 0 16 16" role="img" aria-label={t(`mark.${mark}`)}>
      {SHAPES[mark]}
    </svg>
  ) : (
    <svg className={names} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {SHAPES[mark]}
    </svg>
  );
}

/** Shape and word. */
export function Badge({ mark, outline = false }: { mark: Mark; outline?: boolean }): ReactNode {
  const t = useText();
  return (
    <span className="badge">
      <Shape mark={mark} outline={outline} /> {t(`mark.${mark}`)}
    </span>
  );
}

/** A provider's own name is the same in every language; one's own site has words. */
export function providerIn(t: Speaker, provider: string): string {
  const word = t.word("provider", provider);
  return word === provider ? providerName(provider) : word;
}

/** Who runs it, in letters; a provider has no colour. */
export function Provider({ provider, named = false }: { provider: string; named?: boolean }): ReactNode {
  const t = useText();
  if (provider === "") return null;
  const name = providerIn(t, provider);
  return named ? (
    <>
      <span className="provider" aria-hidden="true">
        {providerMark(provider)}
      </span>{" "}
      {name}
    </>
  ) : (
    <abbr className="provider" title={name}>
      {providerMark(provider)}
    </abbr>
  );
}
