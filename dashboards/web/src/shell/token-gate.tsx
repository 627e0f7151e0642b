import { useState, useSyncExternalStore, type ReactNode } from "react";

import { onRefusal, refusal, setToken, token } from "../api/client";
import { paths } from "../api/shapes";
import { useText } from "../i18n/text";
import { Icon } from "../parts/icon";

/** Asks for a token when the server wants one. It stays in this tab and goes along as a bearer. */
export function TokenGate({ children }: { children: ReactNode }): ReactNode {
  const refused = useSyncExternalStore(onRefusal, refusal);
  return refused?.status === 401 ? <TokenForm message={refused.message} /> : children;
}

function TokenForm({ message }: { message: string }): ReactNode {
  const t = useText();
  const [value, setValue] = useState("");
  const [wrong, setWrong] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const had = token() !== null;
  const enter = async (): Promise<void> => {
    setBusy(true);
    setWrong(null);
    try {
      await fetchWith(value.trim());
      setToken(value.trim());
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main className="gate">
      <form
        className="panel"
        onSubmit={(event) => {
          event.preventDefault();
          void enter();
        }}
      >
        <h1>
          <Icon name="lock" /> {t("token.title")}
        </h1>
        <p>{t("token.intro")}</p>
        <p className="quiet small">{message}</p>
        <label>
          {t("token.label")}
          <input type="password" autoComplete="off" spellCheck={false} autoFocus required value={value} aria-invalid={wrong !== null} aria-describedby="token-wrong" onChange={(event) => setValue(event.target.value)} />
        </label>
        <p id="token-wrong" className="wrong" role="alert">
          {wrong ?? (had ? t("token.refused") : "")}
        </p>
        <button type="submit" className="primary" disabled={busy || value.trim() === ""}>
          {t("token.enter")}
        </button>
      </form>
    </main>
  );
}

/** Tries a token before it is kept. */
async function fetchWith(bearer: string): Promise<void> {
  const response = await fetch(`${paths.sources}?limit=1`, { headers: { authorization: `Bearer ${bearer}` }, cache: "no-store" });
  if (response.ok || response.status === 404) return;
  const body = (await response.json().catch(() => null)) as { message?: string } | null;
  throw new Error(body?.message ?? `${response.status}`);
}

