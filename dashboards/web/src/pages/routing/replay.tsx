import { useState, type ReactNode } from "react";

import { centre, type Replay, type ReplayMessage, type ReplayReceiver } from "../../api/centre";
import { request } from "../../api/client";
import { parseTime } from "../../format/time";
import { useText } from "../../i18n/text";
import { Icon } from "../../parts/icon";
import { present } from "../../parts/now";
import { Empty, Panel } from "../../parts/panel";
import { Foreign } from "../../parts/text";
import { At } from "../../parts/time";
import { requestOf, type TemplateFile, type Trial } from "./trial";

/** A stretch of the past run again under another configuration: what would have been told, and what not. Nothing is sent. */
export function ReplayView({ config }: { config: string }): ReactNode {
  const t = useText();
  const [trial, setTrial] = useState<Trial>({ from: "now-24h", to: "now", alerting: config, policies: "", silences: "", hasSilences: false, templates: [] });
  const [answer, setAnswer] = useState<Replay | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const set = (change: Partial<Trial>): void => setTrial({ ...trial, ...change });
  const now = present();
  const isReady = requestOf(trial, config, now) !== null && !busy;
  const run = async (): Promise<void> => {
    setBusy(true);
    setWrong(null);
    try {
      setAnswer(await request<Replay>(centre.replay, { method: "POST", json: requestOf(trial, config, present()) }));
    } catch (error) {
      setAnswer(null);
      setWrong(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="routing">
      <Panel title={t("replay.title")}>
        <form
          className="panel-body decide-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (isReady) void run();
          }}
        >
          <p className="actions">
            <label className="inline">
              {t("range.from")} <input value={trial.from} aria-invalid={parseTime(trial.from, now) === null} onChange={(event) => set({ from: event.target.value })} />
            </label>
            <label className="inline">
              {t("range.to")} <input value={trial.to} aria-invalid={parseTime(trial.to, now) === null} onChange={(event) => set({ to: event.target.value })} />
            </label>
          </p>
          {!isReady && !busy && <p className="wrong">{t("range.wrong")}</p>}
          <label className="stacked">
            {t("replay.alerting")}
            <textarea rows={14} className="code" spellCheck={false} value={trial.alerting} onChange={(event) => set({ alerting: event.target.value })} />
          </label>
          <TemplateFiles files={trial.templates} onChange={(templates) => set({ templates })} />
          <label className="inline">
            <input type="checkbox" checked={trial.hasSilences} onChange={(event) => set({ hasSilences: event.target.checked })} /> {t("replay.hasSilences")}
          </label>
          {trial.hasSilences && (
            <label className="stacked">
              {t("replay.silences")}
              <textarea rows={3} className="code" spellCheck={false} placeholder={t("replay.silencesExample")} value={trial.silences} onChange={(event) => set({ silences: event.target.value })} />
            </label>
          )}
          <label className="stacked">
            {t("replay.policies")}
            <textarea rows={4} className="code" spellCheck={false} value={trial.policies} onChange={(event) => set({ policies: event.target.value })} />
          </label>
          <p className="actions">
            <button type="submit" className="primary" disabled={!isReady}>
              <Icon name="play" /> {t("replay.run")}
            </button>
            {trial.alerting !== config && (
              <button type="button" onClick={() => set({ alerting: config })}>
                {t("changed.reset")}
              </button>
            )}
          </p>
          <p className="wrong prewrap" role="alert">
            {wrong}
          </p>
        </form>
      </Panel>
      <Panel title={t("replay.result")}>{answer === null ? <Empty mark="info">{t(busy ? "replay.busy" : "replay.start")}</Empty> : <Difference replay={answer} />}</Panel>
    </div>
  );
}

/** Files of templates to try in the place of those in force. */
function TemplateFiles({ files, onChange }: { files: readonly TemplateFile[]; onChange: (files: readonly TemplateFile[]) => void }): ReactNode {
  const t = useText();
  const change = (index: number, next: Partial<TemplateFile>): void => onChange(files.map((file, at) => (at === index ? { ...file, ...next } : file)));
  return (
    <>
      {files.map((file, index) => (
        <fieldset key={index} className="stacked">
          <legend>{t("replay.template")}</legend>
          <span className="actions">
            <label className="inline">
              {t("replay.pattern")} <input value={file.pattern} spellCheck={false} onChange={(event) => change(index, { pattern: event.target.value })} />
            </label>
            <label className="inline">
              {t("replay.file")} <input value={file.name} spellCheck={false} onChange={(event) => change(index, { name: event.target.value })} />
            </label>
            <button type="button" className="bare" aria-label={t("replay.dropTemplate", { name: file.name })} onClick={() => onChange(files.filter((_one, at) => at !== index))}>
              <Icon name="close" />
            </button>
          </span>
          <textarea rows={4} className="code" spellCheck={false} aria-label={t("replay.templateText")} value={file.text} onChange={(event) => change(index, { text: event.target.value })} />
        </fieldset>
      ))}
      <p className="actions">
        <button type="button" onClick={() => onChange([...files, { pattern: "", name: "", text: "" }])}>
          <Icon name="add" /> {t("replay.addTemplate")}
        </button>
      </p>
    </>
  );
}

function Difference({ replay }: { replay: Replay }): ReactNode {
  const t = useText();
  return (
    <div className="panel-body" aria-live="polite">
      <p>
        <b>{t("replay.sentence", { then: replay.then, now: replay.now, events: replay.events })}</b>
      </p>
      {replay.notes.map((note) => (
        <p key={note} className="wrong">
          <Foreign max={400}>{note}</Foreign>
        </p>
      ))}
      <table className="lines">
        <thead>
          <tr>
            <th scope="col">{t("changed.receiver")}</th>
            <th scope="col" className="right">{t("replay.then")}</th>
            <th scope="col" className="right">{t("replay.now")}</th>
            <th scope="col" className="right">{t("replay.added")}</th>
            <th scope="col" className="right">{t("replay.removed")}</th>
            <th scope="col" className="right">{t("replay.changed")}</th>
          </tr>
        </thead>
        <tbody>
          {replay.receivers.map((row) => (
            <tr key={row.receiver}>
              <th scope="row">
                <Foreign max={60}>{row.receiver}</Foreign>
              </th>
              {[row.then, row.now, row.added_total, row.removed_total, row.changed_total].map((figure, index) => (
                <td key={index} className="figures">
                  {t.number(figure)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {replay.receivers.every((row) => row.added_total + row.removed_total + row.changed_total === 0) && <p className="quiet">{t("replay.same")}</p>}
      {replay.receivers.map((row) => (
        <Messages key={row.receiver} row={row} />
      ))}
    </div>
  );
}

const SHOWN_MAX = 50;

function Messages({ row }: { row: ReplayReceiver }): ReactNode {
  const t = useText();
  const parts = [
    ["added", row.added, row.added_total],
    ["removed", row.removed, row.removed_total],
    ["changed", row.changed.map((change) => change.now), row.changed_total],
  ] as const;
  return parts
    .filter(([, , total]) => total > 0)
    .map(([what, messages, total]) => (
      <details key={what} open={total <= 5}>
        <summary>
          <b>
            <Foreign max={60}>{row.receiver}</Foreign>
          </b>{" "}
          {t(`replay.list.${what}`, { n: total })}
        </summary>
        <ul className="moved">
          {messages.slice(0, SHOWN_MAX).map((message, index) => (
            <Message key={index} message={message} was={what === "changed" ? row.changed[index]?.then : undefined} />
          ))}
        </ul>
        {total > SHOWN_MAX && <p className="quiet">{t("changed.cut", { n: Math.min(SHOWN_MAX, messages.length), total })}</p>}
      </details>
    ));
}

function Message({ message, was }: { message: ReplayMessage; was: ReplayMessage | undefined }): ReactNode {
  const t = useText();
  const names = (one: ReplayMessage): string => [...new Set(one.alerts.map((alert) => alert.name))].join(", ");
  return (
    <li>
      <p>
        <span className="figures">
          {was && (
            <>
              <del>
                <At at={Date.parse(was.at)} />
              </del>{" "}
            </>
          )}
          <At at={Date.parse(message.at)} />
        </span>{" "}
        {t.word("transition", message.transition)} · {message.channel} · <Foreign max={120}>{names(message)}</Foreign> <span className="quiet">{t("groups.alerts", { n: message.alerts.length })}</span>
      </p>
      <p className="quiet small">
        <Foreign className="code" max={160}>{Object.entries(message.group_labels).map(([name, value]) => `${name}="${value}"`).join(", ")}</Foreign>
      </p>
    </li>
  );
}
