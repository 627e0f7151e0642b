import { useState, type ReactNode } from "react";

import { token } from "../api/client";
import { activePaths } from "../api/store";
import { useText } from "../i18n/text";
import { Dialog } from "../parts/dialog";
import { Icon } from "../parts/icon";

/** In single quotes for a shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The requests the page at hand was made from, as lines for a shell. The token is not written out. */
export function AsApi({ onClose }: { onClose: () => void }): ReactNode {
  const t = useText();
  const [lines] = useState(() => {
    const bearer = token() ? ` -H "Authorization: Bearer $ISOBAR_TOKEN"` : "";
    return activePaths().sort().map((path) => `curl -s${bearer} ${quoted(window.location.origin + path)}`);
  });
  return (
    <Dialog title={t("act.asApi")} onClose={onClose}>
      <p className="small">{t("api.intro")}</p>
      <pre className="code" tabIndex={0}>{lines.join("\n")}</pre>
      <p className="actions">
        <button type="button" onClick={() => void navigator.clipboard?.writeText(lines.join("\n"))}>
          <Icon name="copy" /> {t("act.copy")}
        </button>
        <a href="/api/isobar/openapi.json" target="_blank" rel="noreferrer">
          {t("api.openapi")}
        </a>
      </p>
    </Dialog>
  );
}
