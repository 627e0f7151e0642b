/** How the page looks to this reader: remembered here, and overruled by the address. */
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";

import type { Zone } from "./format/time";
import type { Language } from "./i18n/message";
import { usePlace } from "./url/state";

export const THEMES = ["system", "dark", "light"] as const;
export const DENSITIES = ["compact", "default", "relaxed"] as const;
export const ROW_HEIGHTS = { compact: 28, default: 32, relaxed: 40 } as const;

export interface Settings {
  language: Language;
  theme: (typeof THEMES)[number];
  density: (typeof DENSITIES)[number];
  zone: Zone;
  /** Single keys act. */
  keys: boolean;
  /** The rail shows icons only. */
  narrow: boolean;
}

const STORED = "isobar.settings";

function initial(): Settings {
  const language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
  const settings: Settings = { language, theme: "system", density: "default", zone: "utc", keys: true, narrow: false };
  try {
    const stored: unknown = JSON.parse(window.localStorage.getItem(STORED) ?? "{}");
    return typeof stored === "object" && stored !== null ? read(settings, stored as Record<string, unknown>) : settings;
  } catch {
    return settings;
  }
}

const oneOf = <T extends string>(words: readonly T[], word: unknown): T | undefined => words.find((known) => known === word);

/** The settings with what is valid of others put over them. */
export function read(settings: Settings, over: Record<string, unknown>): Settings {
  return {
    language: oneOf(["en", "zh"], over["language"]) ?? settings.language,
    theme: oneOf(THEMES, over["theme"]) ?? settings.theme,
    density: oneOf(DENSITIES, over["density"]) ?? settings.density,
    zone: oneOf(["utc", "local"], over["zone"]) ?? settings.zone,
    keys: typeof over["keys"] === "boolean" ? over["keys"] : settings.keys,
    narrow: typeof over["narrow"] === "boolean" ? over["narrow"] : settings.narrow,
  };
}

interface Shared {
  settings: Settings;
  change(next: Partial<Settings>): void;
}

const Context = createContext<Shared | null>(null);

export function SettingsProvider({ children }: { children: ReactNode }): ReactNode {
  const [stored, setStored] = useState(initial);
  const { params } = usePlace();
  const over = useMemo(
    () => ({ language: params.get("lang"), theme: params.get("theme"), density: params.get("d"), zone: params.get("zone") }),
    [params],
  );
  const settings = useMemo(() => read(stored, over), [stored, over]);

  useEffect(() => {
    const root = document.documentElement;
    root.lang = settings.language === "zh" ? "zh-Hans" : "en";
    if (settings.theme === "system") delete root.dataset["theme"];
    else root.dataset["theme"] = settings.theme;
    root.dataset["density"] = settings.density;
  }, [settings]);

  const shared = useMemo<Shared>(
    () => ({
      settings,
      change(next) {
        setStored((before) => {
          const after = { ...before, ...next };
          try {
            window.localStorage.setItem(STORED, JSON.stringify(after));
          } catch {
            // Without storage the choice holds until the page is closed.
          }
          return after;
        });
      },
    }),
    [settings],
  );
  return <Context.Provider value={shared}>{children}</Context.Provider>;
}

export function useSettings(): Shared {
  const shared = useContext(Context);
  if (!shared) throw new Error("useSettings outside of SettingsProvider");
  return shared;
}
