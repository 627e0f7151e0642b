import type { ReactNode } from "react";

import { useText } from "../i18n/text";
import { KEYS } from "../keys/keymap";
import { Dialog } from "../parts/dialog";
import { Kbd } from "../parts/kbd";

/** All keys there are. */
export function Help({ onClose }: { onClose: () => void }): ReactNode {
  const t = useText();
  return (
    <Dialog title={t("help.title")} onClose={onClose}>
      <table className="help">
        <thead className="unseen">
          <tr>
            <th scope="col">{t("help.key")}</th>
            <th scope="col">{t("help.does")}</th>
          </tr>
        </thead>
        <tbody>
          {KEYS.map(({ id, keys }) => (
            <tr key={id}>
              <th scope="row">
                <Kbd keys={keys[0]} />
              </th>
              <td>{t(`key.${id}`)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="small quiet">{t("help.note")}</p>
    </Dialog>
  );
}
