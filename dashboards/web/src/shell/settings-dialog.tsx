import type { ReactNode } from "react";

import { setToken, token } from "../api/client";
import { useText } from "../i18n/text";
import { Dialog } from "../parts/dialog";
import { DENSITIES, THEMES, useSettings } from "../settings";
import { currentPlace, setParams } from "../url/state";

interface Choice {
  value: string;
  label: string;
}

function Choices({ legend, name, value, choices, onChoose }: { legend: string; name: string; value: string; choices: Choice[]; onChoose: (value: string) => void }): ReactNode {
  return (
    <fieldset>
      <legend>{legend}</legend>
      {choices.map((choice) => (
        <label key={choice.value}>
          <input type="radio" name={name} checked={choice.value === value} onChange={() => onChoose(choice.value)} /> {choice.label}
        </label>
      ))}
    </fieldset>
  );
}

/** How the page looks and whether single keys act; and the way to forget the token. */
export function SettingsDialog({ onClose }: { onClose: () => void }): ReactNode {
  const t = useText();
  const { settings, change } = useSettings();
  // What the address says would win over the choice: it is taken out of it.
  const set = (next: Parameters<typeof change>[0], param?: string): void => {
    change(next);
    if (param && currentPlace().params.has(param)) setParams({ [param]: null }, true);
  };
  return (
    <Dialog title={t("settings.title")} onClose={onClose}>
      <form className="settings" onSubmit={(event) => event.preventDefault()}>
        <Choices
          legend={t("settings.language")}
          name="language"
          value={settings.language}
          choices={[
            { value: "en", label: "English" },
            { value: "zh", label: "简体中文" },
          ]}
          onChoose={(value) => set({ language: value === "zh" ? "zh" : "en" }, "lang")}
        />
        <Choices
          legend={t("settings.theme")}
          name="theme"
          value={settings.theme}
          choices={THEMES.map((value) => ({ value, label: t(`settings.theme.${value}`) }))}
          onChoose={(value) => set({ theme: THEMES.find((theme) => theme === value) ?? "system" }, "theme")}
        />
        <Choices
          legend={t("settings.density")}
          name="density"
          value={settings.density}
          choices={DENSITIES.map((value) => ({ value, label: t(`settings.density.${value}`) }))}
          onChoose={(value) => set({ density: DENSITIES.find((density) => density === value) ?? "default" }, "d")}
        />
        <Choices
          legend={t("settings.zone")}
          name="zone"
          value={settings.zone}
          choices={[
            { value: "utc", label: t("zone.utc") },
            { value: "local", label: t("zone.local") },
          ]}
          onChoose={(value) => set({ zone: value === "local" ? "local" : "utc" }, "zone")}
        />
        <fieldset>
          <legend>{t("settings.keys")}</legend>
          <label>
            <input type="checkbox" checked={settings.keys} onChange={(event) => change({ keys: event.target.checked })} /> {t("settings.keys.on")}
          </label>
        </fieldset>
        {token() !== null && (
          <p>
            <button type="button" onClick={() => {
              setToken(null);
              window.location.reload();
            }}>
              {t("token.forget")}
            </button>
          </p>
        )}
      </form>
    </Dialog>
  );
}
