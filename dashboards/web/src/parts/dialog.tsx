import { useEffect, useRef, type ReactNode } from "react";

import { useText } from "../i18n/text";
import { Icon } from "./icon";

/** A modal dialog: the browser holds the focus inside, Esc closes, and the focus returns to where it was. */
export function Dialog({ title, onClose, className = "", children }: { title: string; onClose: () => void; className?: string; children: ReactNode }): ReactNode {
  const t = useText();
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) dialog.showModal();
    // The browser would take the first button, which closes it.
    dialog?.querySelector<HTMLElement>("[data-first]")?.focus();
    return () => dialog?.close();
  }, []);
  return (
    // A click on the backdrop is one on the dialog itself; the content covers the rest.
    <dialog
      ref={ref}
      className={`dialog ${className}`}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
    >
      <div className="dialog-inner">
        <header className="panel-head">
          <h2>{title}</h2>
          <button type="button" className="bare" onClick={onClose} aria-label={t("act.close")} title={t("act.close")}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
