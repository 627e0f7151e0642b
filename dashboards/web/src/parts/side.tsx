import { useEffect, useRef, type ReactNode } from "react";

import { useText } from "../i18n/text";
import { Icon } from "./icon";

/** The panel beside a list. Opening it moves the focus to its title; closing gives it back. */
export function Side({ label, focusKey, onClose, children }: { label: string; focusKey: string; onClose: () => void; children: ReactNode }): ReactNode {
  const t = useText();
  const ref = useRef<HTMLElement>(null);
  const from = useRef<Element | null>(null);
  useEffect(() => {
    const opened = ref.current;
    from.current ??= document.activeElement;
    opened?.querySelector<HTMLElement>("[data-title]")?.focus({ preventScroll: true });
    opened?.scrollTo({ top: 0 });
  }, [focusKey]);
  useEffect(
    () => () => {
      const back = from.current;
      if (back instanceof HTMLElement && back.isConnected) back.focus({ preventScroll: true });
    },
    [],
  );
  return (
    <aside className="side" aria-label={label} ref={ref}>
      <button type="button" className="bare side-close" onClick={onClose} aria-label={t("act.close")} title={t("act.closeKey")}>
        <Icon name="close" />
      </button>
      {children}
    </aside>
  );
}
