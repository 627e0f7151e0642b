import { useState, type ReactNode } from "react";

import { centre, type ChangedAnswer } from "../../api/centre";
import { request } from "../../api/client";
import { useText } from "../../i18n/text";
import { markOfSeverity } from "../../model/severity";
import { Icon } from "../../parts/icon";
import { Badge } from "../../parts/mark";
import { Empty, Panel } from "../../parts/panel";
import { Foreign } from "../../parts/text";
import { Link } from "../../shell/rail";
import { hrefTo, usePlace } from "../../url/state";

/** What was resolved earlier is not remembered. */
const HOURS = [1, 6, 24] as const;

/** The configuration changed on trial: which recent alerts would go elsewhere. Nothing is put in force here. */
export function ChangedConfig({ config }: { config: string }): ReactNode {
  const t = useText();
  const [text, setText] = useState(config);
  const [hours, setHours] = useState<number>(24);
  const [answer, setAnswer] = useState<ChangedAnswer | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const run = async (): Promise<void> => {
    setBusy(true);
    setWrong(null);
    try {
      setAnswer(await request<ChangedAnswer>(centre.routesPreview, { method: "POST", json: { config: text, hours } }));
    } catch (error) {
      setAnswer(null);
      setWrong(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="routing">
      <Panel title={t("changed.title")} aside={text !== config && <button type="button" onClick={() => setText(config)}>{t("changed.reset")}</button>}>
        <form
          className="panel-body decide-form"
          onSubmit={(event) => {
            event.preventDefault();
            void run();
          }}
        >
          <label className="stacked">
            {t("changed.config")}
            <textarea rows={22} className="code" spellCheck={false} value={text} onChange={(event) => setText(event.target.value)} />
          </label>
          <p className="actions">
            <button type="submit" className="primary" disabled={busy}>
              <Icon name="play" /> {t("changed.run")}
            </button>
            <select aria-label={t("changed.over")} value={hours} onChange={(event) => setHours(Number(event.target.value))}>
              {HOURS.map((one) => (
                <option key={one} value={one}>
                  {t("changed.hours", { n: one })}
                </option>
              ))}
            </select>
          </p>
          <p className="wrong prewrap" role="alert">
            {wrong}
          </p>
        </form>
      </Panel>
      <Panel title={t("changed.result")}>
        {answer === null ? <Empty mark="info">{t(busy ? "read.loading" : "changed.start")}</Empty> : <Moved answer={answer} />}
      </Panel>
    </div>
  );
}

function Moved({ answer }: { answer: ChangedAnswer }): ReactNode {
  const t = useText();
  const place = usePlace();
  return (
    <div className="panel-body" aria-live="polite">
      <p>
        <b>{t("changed.sentence", { n: answer.alerts, changed: answer.changed })}</b>
      </p>
      {answer.receivers.length > 0 && (
        <table className="lines">
          <thead>
            <tr>
              <th scope="col">{t("changed.receiver")}</th>
              <th scope="col" className="right">{t("changed.before")}</th>
              <th scope="col" className="right">{t("changed.after")}</th>
              <th scope="col" className="right">{t("changed.difference")}</th>
            </tr>
          </thead>
          <tbody>
            {answer.receivers.map((row) => (
              <tr key={row.receiver}>
                <th scope="row">
                  <Foreign max={60}>{row.receiver}</Foreign>
                </th>
                <td className="figures">{t.number(row.before)}</td>
                <td className="figures">{t.number(row.after)}</td>
                <td className="figures">{row.after === row.before ? "0" : `${row.after > row.before ? "+" : "−"}${t.number(Math.abs(row.after - row.before))}`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <ul className="moved">
        {answer.moved.map((alert) => (
          <li key={alert.id}>
            <Badge mark={markOfSeverity(alert.severity)} />{" "}
            <Link href={hrefTo(place, "alerts", { open: alert.id })}>
              <Foreign max={60}>{alert.name}</Foreign>
            </Link>
            <p className="quiet">
              <del>
                <Foreign max={120}>{alert.before.join(", ") || t("who.nobodyShort")}</Foreign>
              </del>{" "}
              →{" "}
              <ins>
                <Foreign max={120}>{alert.after.join(", ") || t("who.nobodyShort")}</Foreign>
              </ins>
            </p>
          </li>
        ))}
      </ul>
      {answer.changed > answer.moved.length && <p className="quiet">{t("changed.cut", { n: answer.moved.length, total: answer.changed })}</p>}
    </div>
  );
}
