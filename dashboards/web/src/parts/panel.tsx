import { useId, type ReactNode } from "react";

import type { Reading } from "../api/store";
import { invalidateAll } from "../api/store";
import { clock } from "../format/time";
import { useText, type Key } from "../i18n/text";
import { useSettings } from "../settings";
import type { Mark } from "../model/severity";
import { Icon, type IconName } from "./icon";
import { Shape } from "./mark";

/** A titled surface. */
export function Panel({ title, aside, icon, className = "", children }: { title: ReactNode; aside?: ReactNode; icon?: IconName; className?: string; children: ReactNode }): ReactNode {
  const id = useId();
  return (
    <section className={`panel ${className}`} aria-labelledby={id}>
      <header className="panel-head">
        <h2 id={id}>
          {icon && <Icon name={icon} />} {title}
        </h2>
        {aside !== undefined && aside !== null && <div className="aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

/** What there is when there is nothing: a shape, a sentence, one action. */
export function Empty({ mark, children, action }: { mark: Mark; children: ReactNode; action?: ReactNode }): ReactNode {
  return (
    <div className="empty">
      <Shape mark={mark} className="s24" />
      <p>{children}</p>
      {action}
    </div>
  );
}

/** Bars in the place of rows that are being read. */
export function Loading({ rows = 4 }: { rows?: number }): ReactNode {
  const t = useText();
  return (
    <div className="loading" role="status" aria-label={t("read.loading")}>
      {Array.from({ length: rows }, (_, index) => (
        <span key={index} />
      ))}
    </div>
  );
}

/** Shows what was read; while it is not, could not be or is not served, says so in its place. */
export function Read<T>({ of, rows, what, children }: { of: Reading<T>; rows?: number; what: Key; children: (data: T) => ReactNode }): ReactNode {
  const t = useText();
  const { zone } = useSettings().settings;
  if (of.state === "loading") return <Loading rows={rows ?? 4} />;
  if (of.state === "absent") return <Empty mark="unknown">{t("read.absent", { what: t(what) })}</Empty>;
  const failed = of.state === "failed" && (
    <p className="failed" role="alert">
      <Shape mark="unknown" />{" "}
      {of.at === null
        ? t("read.failed", { what: t(what), reason: of.error.message })
        : t("read.old", { what: t(what), reason: of.error.message, t: clock(of.at, zone) })}{" "}
      <button type="button" className="link" onClick={invalidateAll}>
        {t("read.retry")}
      </button>
    </p>
  );
  return (
    <>
      {failed}
      {of.data !== null && children(of.data)}
    </>
  );
}
