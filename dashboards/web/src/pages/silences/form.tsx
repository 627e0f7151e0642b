import { useId, useState, type ReactNode } from "react";

import { useAnswer } from "../../api/answer";
import { centre, type Hidden, type Silence, type SilenceDraft, type SilencePreview, type WireMatcher } from "../../api/centre";
import { request } from "../../api/client";
import { invalidateLive } from "../../api/store";
import { useText } from "../../i18n/text";
import { holdsAll, matcherOf, matchersText, MATCHER_OPERATORS, operatorOf, type MatcherOperator } from "../../model/matchers";
import { Dialog } from "../../parts/dialog";
import { Icon } from "../../parts/icon";
import { Shape } from "../../parts/mark";
import { present, useNow } from "../../parts/now";
import { Foreign } from "../../parts/text";
import { At } from "../../parts/time";
import { complain, tell } from "../../shell/toasts";
import { endOf, LENGTHS, LONGEST, periodsOf, WEEKDAYS, type Weekday, type Window } from "./until";

interface Props {
  matchers: WireMatcher[];
  /** What a filter said that no silence can. */
  rest: string[];
  /** Labels to choose matchers from. */
  labels: Record<string, string>;
  /** How many alerts it is meant for; null where nobody said. */
  wanted: number | null;
  /** The silence it replaces. */
  silence?: Silence | undefined;
  onClose: () => void;
}

type Ends = "length" | "resolved";

/** Asks for a silence: what, how long, why; and says meanwhile what that hides. */
export default function SilenceDialog({ matchers: given, rest, labels, wanted, silence, onClose }: Props): ReactNode {
  const t = useText();
  const now = useNow();
  const [matchers, setMatchers] = useState(given.length > 0 ? given : [matcherOf("alertname", "=", "")]);
  const [ends, setEnds] = useState<Ends>(silence?.until_resolved && silence.recurrence.length === 0 ? "resolved" : "length");
  const [until, setUntil] = useState(silence ? silence.ends_at.slice(0, 16).replace("T", " ") : "1h");
  const [recurs, setRecurs] = useState((silence?.recurrence.length ?? 0) > 0);
  const [window, setWindow] = useState<Window>({ days: ["saturday", "sunday"], from: "02:00", to: "04:00", zone: Intl.DateTimeFormat().resolvedOptions().timeZone });
  const [isNewWindow, setNewWindow] = useState(silence === undefined);
  const [comment, setComment] = useState(silence?.comment ?? "");
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<string | null>(null);
  const lengthId = useId();

  const end = endOf(ends === "resolved" && until.trim() === "" ? LONGEST : until, now);
  const periods = recurs ? (isNewWindow ? periodsOf(window) : (silence?.recurrence ?? null)) : [];
  const all = holdsAll(matchers);
  const areReady = matchers.every((matcher) => matcher.name !== "") && !all;
  const preview = useAnswer<SilencePreview>(areReady ? centre.silencePreview : null, { matchers });
  const isReady = areReady && preview.error?.status !== 400 && end !== null && periods !== null && comment.trim() !== "" && !busy;

  const save = async (): Promise<void> => {
    setBusy(true);
    setWrong(null);
    const at = endOf(ends === "resolved" && until.trim() === "" ? LONGEST : until, present());
    const draft: SilenceDraft = {
      ...(silence ? { id: silence.id, starts_at: silence.starts_at, annotations: silence.annotations } : {}),
      matchers,
      ends_at: new Date(at ?? 0).toISOString(),
      comment: comment.trim(),
      ...(periods && periods.length > 0 ? { recurrence: periods } : {}),
      ...(ends === "resolved" ? { until_resolved: true } : {}),
    };
    try {
      const made = await request<Silence>(centre.silences, { method: "POST", json: draft });
      const undo = async (): Promise<void> => {
        try {
          await request(centre.silence(made.id), { method: "DELETE" });
        } catch (error) {
          complain(t("act.undoFailed", { reason: error instanceof Error ? error.message : String(error) }));
        }
        invalidateLive();
      };
      tell(t(silence ? "silence.changed" : "silence.made", { n: made.hides }), silence ? {} : { undo: () => void undo() });
      invalidateLive();
      onClose();
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  const change = (index: number, next: WireMatcher): void => setMatchers(matchers.map((one, at) => (at === index ? next : one)));
  const offered = Object.entries(labels).filter(([name]) => !matchers.some((matcher) => matcher.name === name));
  return (
    <Dialog title={t(silence ? "silence.change" : "silence.new")} onClose={onClose} className="sheet">
      <form
        className="decide-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) void save();
        }}
      >
        <fieldset className="matchers">
          <legend>{t("silence.what")}</legend>
          {matchers.map((matcher, index) => (
            <div key={index} className="matcher">
              <input aria-label={t("silence.label")} value={matcher.name} spellCheck={false} aria-invalid={matcher.name === ""} onChange={(event) => change(index, { ...matcher, name: event.target.value.trim() })} />
              <select aria-label={t("silence.operator")} value={operatorOf(matcher)} onChange={(event) => change(index, matcherOf(matcher.name, event.target.value as MatcherOperator, matcher.value))}>
                {MATCHER_OPERATORS.map((op) => (
                  <option key={op}>{op}</option>
                ))}
              </select>
              <input aria-label={t("silence.value")} value={matcher.value} spellCheck={false} onChange={(event) => change(index, { ...matcher, value: event.target.value })} />
              <button type="button" className="bare" aria-label={t("silence.dropMatcher", { name: matcher.name })} onClick={() => setMatchers(matchers.filter((_one, at) => at !== index))}>
                <Icon name="close" />
              </button>
            </div>
          ))}
          <p className="labels">
            <button type="button" onClick={() => setMatchers([...matchers, matcherOf("", "=", "")])}>
              <Icon name="add" /> {t("silence.addMatcher")}
            </button>
            {offered.map(([name, value]) => (
              <button key={name} type="button" className="chip" onClick={() => setMatchers([...matchers, matcherOf(name, "=", value)])}>
                <Foreign max={40}>{name}</Foreign> <span className="op">{"="}</span> <Foreign max={60}>{value}</Foreign>
              </button>
            ))}
          </p>
          {rest.length > 0 && (
            <p className="wrong">{t.rich("silence.rest", {}, { what: <Foreign className="code">{rest.join(" ")}</Foreign> })}</p>
          )}
          {all && matchers.length > 0 && <p className="wrong">{t("silence.holdsAll")}</p>}
        </fieldset>
        <fieldset className="spans">
          <legend>{t("silence.for")}</legend>
          {LENGTHS.map((length) => (
            <button key={length} type="button" aria-pressed={ends === "length" && until === length} onClick={() => {
              setEnds("length");
              setUntil(length);
            }}>
              {t(`span.${length}`)}
            </button>
          ))}
          <button type="button" aria-pressed={ends === "resolved"} onClick={() => {
            setEnds("resolved");
            setUntil(LONGEST);
          }} disabled={recurs}>
            {t("silence.untilResolved")}
          </button>
          <input id={lengthId} aria-label={t("silence.end")} value={until} aria-invalid={end === null} onChange={(event) => setUntil(event.target.value)} />
          <span className="quiet">
            {end === null ? t("silence.endWrong") : t.rich(ends === "resolved" ? "silence.endLatest" : "act.until", {}, { at: <At at={end} /> })}
          </span>
        </fieldset>
        <div>
          <label className="inline">
            <input type="checkbox" checked={recurs} onChange={(event) => {
              setRecurs(event.target.checked);
              // Between two windows nothing is silenced that could end.
              setEnds("length");
            }} /> {t("silence.recurs")}
          </label>
          {recurs && !isNewWindow && (
            <button type="button" className="link" onClick={() => setNewWindow(true)}>
              {t("silence.newWindow")}
            </button>
          )}
          {recurs && isNewWindow && <Windows value={window} onChange={setWindow} isWrong={periods === null} />}
        </div>
        <label>
          {t("silence.reason")}
          <textarea rows={2} maxLength={4000} value={comment} data-first required onChange={(event) => setComment(event.target.value)} />
        </label>
        <section className="preview" aria-live="polite" aria-busy={preview.isAsking}>
          {areReady && preview.error ? (
            <p className={preview.error.status === 400 ? "wrong" : "quiet"}>{t("silence.noPreview", { reason: preview.error.message })}</p>
          ) : areReady && preview.data ? (
            <>
              <HiddenRow title={t("silence.now")} hidden={preview.data.now} wanted={wanted} />
              <HiddenRow title={t("silence.past")} hidden={preview.data.past} wanted={null} />
            </>
          ) : (
            <p className="quiet">{t(areReady ? "read.loading" : "silence.previewNeeds")}</p>
          )}
        </section>
        <p className="wrong" role="alert">
          {wrong}
        </p>
        <p className="actions">
          <button type="submit" className="primary" disabled={!isReady}>
            <Icon name="silence" /> {silence ? t("act.save") : preview.data && areReady ? t("silence.do", { n: preview.data.now.total }) : t("silence.doIt")}
          </button>
          <button type="button" onClick={onClose}>
            {t("act.cancel")}
          </button>
          <button
            type="button"
            className="bare"
            onClick={() => void navigator.clipboard?.writeText(`${globalThis.location.origin}/silences?new=${encodeURIComponent(matchersText(matchers))}`)}
          >
            <Icon name="link" /> {t("act.copyLink")}
          </button>
        </p>
      </form>
    </Dialog>
  );
}

function HiddenRow({ title, hidden, wanted }: { title: string; hidden: Hidden; wanted: number | null }): ReactNode {
  const t = useText();
  return (
    <div>
      <p className="preview-row">
        <span>{title}</span> <b>{t("groups.alerts", { n: hidden.total })}</b>
      </p>
      {hidden.critical > 0 && (
        <p className="preview-row">
          <span>
            <Shape mark="critical" /> {t("silence.critical")}
          </span>{" "}
          <b>{t.number(hidden.critical)}</b>
        </p>
      )}
      {wanted !== null && wanted !== hidden.total && <p className="small">{t("silence.notWanted", { n: wanted, m: hidden.total })}</p>}
      {hidden.names.length > 0 && (
        <p className="quiet small">
          {hidden.names.slice(0, 5).map(({ name, count }, index) => (
            <span key={name} className={index > 0 ? "dot" : ""}>
              <Foreign max={40}>{name}</Foreign> {t.number(count)}
            </span>
          ))}
        </p>
      )}
    </div>
  );
}

/** Weekly windows: days, from when to when, and by which clock. */
function Windows({ value, onChange, isWrong }: { value: Window; onChange: (next: Window) => void; isWrong: boolean }): ReactNode {
  const t = useText();
  const toggle = (day: Weekday): void => onChange({ ...value, days: WEEKDAYS.filter((one) => (one === day) !== value.days.includes(one)) });
  return (
    <fieldset className="spans">
      <legend className="unseen">{t("silence.recurs")}</legend>
      {WEEKDAYS.map((day) => (
        <button key={day} type="button" aria-pressed={value.days.includes(day)} onClick={() => toggle(day)}>
          {t(`weekday.${day}`)}
        </button>
      ))}
      <input aria-label={t("range.from")} size={5} value={value.from} onChange={(event) => onChange({ ...value, from: event.target.value })} />
      {"–"}
      <input aria-label={t("range.to")} size={5} value={value.to} onChange={(event) => onChange({ ...value, to: event.target.value })} />
      <input aria-label={t("silence.zone")} value={value.zone} onChange={(event) => onChange({ ...value, zone: event.target.value })} />
      {isWrong && <span className="wrong">{t("silence.windowWrong")}</span>}
    </fieldset>
  );
}
