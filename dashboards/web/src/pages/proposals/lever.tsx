import { useState, type ReactNode } from "react";

import { request } from "../../api/client";
import { paths, type Lever } from "../../api/shapes";
import { invalidateAll, useReading } from "../../api/store";
import { useText } from "../../i18n/text";
import { Panel, Read } from "../../parts/panel";
import { Foreign } from "../../parts/text";
import { At } from "../../parts/time";

const POSITIONS = ["off", "propose"] as const;

/** Whether anything is proposed at all. Moving it needs a reason; who set it, and when, stays beside it. */
export function LeverPanel(): ReactNode {
  const t = useText();
  const lever = useReading<Lever>(paths.lever, { every: 10_000, live: true });
  return (
    <Panel title={t("lever.title")}>
      <Read of={lever} what="lever.title" rows={2}>
        {(data) => <Body lever={data} />}
      </Read>
    </Panel>
  );
}

function Body({ lever }: { lever: Lever }): ReactNode {
  const t = useText();
  const [wanted, setWanted] = useState<Lever["position"] | null>(null);
  const [reason, setReason] = useState("");
  const [wrong, setWrong] = useState<string | null>(null);
  const set = async (): Promise<void> => {
    setWrong(null);
    try {
      await request(paths.lever, { method: "PUT", json: { position: wanted, reason: reason.trim() } });
      setWanted(null);
      setReason("");
      invalidateAll();
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <div className="panel-body">
      <div className="lever" role="radiogroup" aria-label={t("lever.title")}>
        {POSITIONS.map((position) => (
          <button key={position} type="button" role="radio" aria-checked={(wanted ?? lever.position) === position} onClick={() => setWanted(position === lever.position ? null : position)}>
            {t(`lever.${position}`)}
          </button>
        ))}
      </div>
      <p className="quiet small">
        {lever.set_by && lever.set_at
          ? t.rich("lever.setBy", {}, { name: <Foreign max={60}>{lever.set_by}</Foreign>, at: <At at={Date.parse(lever.set_at)} />, reason: <Foreign>{lever.reason ?? ""}</Foreign> })
          : t("lever.unset")}
      </p>
      {wanted !== null && (
        <form
          className="decide-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (reason.trim() !== "") void set();
          }}
        >
          <label>
            {t("lever.reason")}
            <input autoFocus maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />
          </label>
          <p className="wrong" role="alert">
            {wrong}
          </p>
          <p className="actions">
            <button type="submit" className="primary" disabled={reason.trim() === ""}>
              {t("lever.set", { position: t(`lever.${wanted}`) })}
            </button>
            <button type="button" onClick={() => setWanted(null)}>
              {t("act.cancel")}
            </button>
          </p>
        </form>
      )}
    </div>
  );
}
