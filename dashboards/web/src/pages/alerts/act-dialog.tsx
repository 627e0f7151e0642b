import { useId, useState, type ReactNode } from "react";

import { actableOf, useActs, type Deed, type Target } from "../../api/acts";
import { parseSpan } from "../../format/time";
import { useText } from "../../i18n/text";
import { Dialog } from "../../parts/dialog";
import { present } from "../../parts/now";
import { At } from "../../parts/time";
import { useNow } from "../../parts/now";

/** Acts that need a word more, or that are asked before because of their number. */
export type Asked = "acknowledge" | "assign" | "comment" | "snooze";

const SPANS = ["30m", "1h", "4h", "1d"] as const;
const MINUTE = 60_000;
/** The names given last, for the next time. */
const STORED = "isobar.people";
const PEOPLE_MAX = 8;

function people(): string[] {
  try {
    const stored: unknown = JSON.parse(window.localStorage.getItem(STORED) ?? "[]");
    return Array.isArray(stored) ? stored.filter((name): name is string => typeof name === "string") : [];
  } catch {
    return [];
  }
}

function remember(name: string): void {
  try {
    window.localStorage.setItem(STORED, JSON.stringify([name, ...people().filter((known) => known !== name)].slice(0, PEOPLE_MAX)));
  } catch {
    // Without storage it is typed again.
  }
}

/** Asks what an act needs, and says first how many alerts it is about. */
export function ActDialog({ what, target, onClose }: { what: Asked; target: Target; onClose: () => void }): ReactNode {
  const t = useText();
  const act = useActs();
  const now = useNow();
  const listId = useId();
  const [text, setText] = useState("");
  const [span, setSpan] = useState("1h");
  const [known] = useState(people);
  const n = actableOf(target);
  const length = parseSpan(span);
  const isReady = what === "acknowledge" || (what === "snooze" ? length !== null && length >= MINUTE : text.trim() !== "" || what === "assign");
  const deed = (): Deed => {
    const note = text.trim();
    if (what === "assign") return { act: "assign", to: note };
    if (what === "snooze") return { act: "snooze", until: new Date(present() + (length ?? 0)).toISOString(), ...(note === "" ? {} : { note }) };
    return what === "comment" ? { act: "comment", note } : { act: "acknowledge", ...(note === "" ? {} : { note }) };
  };
  return (
    <Dialog title={t(`act.title.${what}`, { n })} onClose={onClose} className="sheet">
      <form
        className="decide-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isReady) return;
          if (what === "assign" && text.trim() !== "") remember(text.trim());
          act(target, deed());
          onClose();
        }}
      >
        {target.kind === "query" && <p>{t.rich("act.byQuery", { n }, { q: <bdi className="code">{target.q || t("view.open")}</bdi> })}</p>}
        {what === "snooze" && (
          <fieldset className="spans">
            <legend>{t("act.snoozeFor")}</legend>
            {SPANS.map((one) => (
              <button key={one} type="button" aria-pressed={span === one} onClick={() => setSpan(one)}>
                {t(`span.${one}`)}
              </button>
            ))}
            <input aria-label={t("span.own")} value={span} size={6} aria-invalid={length === null || length < MINUTE} onChange={(event) => setSpan(event.target.value.trim())} />
            {length !== null && <span className="quiet">{t.rich("act.until", {}, { at: <At at={now + length} /> })}</span>}
          </fieldset>
        )}
        {what === "assign" ? (
          <label>
            {t("act.assignTo")}
            <input data-first list={listId} maxLength={200} autoComplete="off" value={text} onChange={(event) => setText(event.target.value)} />
            <datalist id={listId}>
              {known.map((name) => (
                <option key={name} value={name} />
              ))}
            </datalist>
            <span className="quiet small">{t("act.assignNote")}</span>
          </label>
        ) : (
          <label>
            {t(what === "comment" ? "act.commentText" : "act.note")}
            <textarea rows={what === "comment" ? 4 : 2} maxLength={4000} data-first value={text} onChange={(event) => setText(event.target.value)} />
          </label>
        )}
        <p className="actions">
          <button type="submit" className="primary" disabled={!isReady}>
            {what === "assign" && text.trim() === "" ? t("act.unassignN", { n }) : t(`act.do.${what}`, { n })}
          </button>
          <button type="button" onClick={onClose}>
            {t("act.cancel")}
          </button>
        </p>
      </form>
    </Dialog>
  );
}
