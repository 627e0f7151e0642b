import type { ReactNode } from "react";

import { cut, SHOWN_MAX, visible } from "../format/untrusted";

/** A text that strangers chose: a text node, on its own in the line's direction, cut, with nothing invisible in it. */
export function Foreign({ children, max = SHOWN_MAX, className }: { children: string; max?: number; className?: string }): ReactNode {
  const shown = visible(children);
  const short = cut(shown, max);
  return (
    <bdi className={className} title={short === shown ? undefined : shown}>
      {short}
    </bdi>
  );
}
