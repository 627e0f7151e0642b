import { useMemo, useState, type KeyboardEvent, type ReactNode } from "react";

import { togglePause } from "../api/live";
import { useAlerts } from "../api/rows";
import { paths, type Resource, type Source } from "../api/shapes";
import { useReading } from "../api/store";
import { useText } from "../i18n/text";
import { KEYS, type KeyId } from "../keys/keymap";
import { rowOf, type Row } from "../model/row";
import { Dialog } from "../parts/dialog";
import { Icon, type IconName } from "../parts/icon";
import { Kbd } from "../parts/kbd";
import { Foreign } from "../parts/text";
import { THEMES, useSettings } from "../settings";
import { currentPlace, goTo, PAGES, setParams } from "../url/state";
import { PAGE_ICONS } from "./rail";
import { rankEntries } from "./rank";

interface Command {
  icon: IconName;
  text: string;
  detail?: string;
  key?: string | undefined;
  run: () => void;
}

const SHOWN_MAX = 12;

function keyOf(id: KeyId): string | undefined {
  return KEYS.find((key) => key.id === id)?.keys[0];
}

/** Pages, alerts, resources, sources, and what can be done, found by typing. */
export function Palette({ onClose, onHelp, onApi, onSettings }: { onClose: () => void; onHelp: () => void; onApi: () => void; onSettings: () => void }): ReactNode {
  const t = useText();
  const { settings, change } = useSettings();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const alerts = useAlerts();
  const resources = useReading<{ items: Resource[] }>(`${paths.resources}?q=${encodeURIComponent(text.trim())}&limit=8`);
  const sources = useReading<{ items: Source[] }>(paths.sources, { list: true, live: true });

  const commands = useMemo((): Command[] => {
    const pages = PAGES.map((page): Command => ({ icon: PAGE_ICONS[page], text: t(`page.${page}`), key: keyOf(page), run: () => goTo(page) }));
    const set = (changes: Parameters<typeof change>[0], param: string): void => {
      if (currentPlace().params.has(param)) setParams({ [param]: null }, true);
      change(changes);
    };
    const actions: Command[] = [
      { icon: "pause", text: t("act.pause"), key: keyOf("pause"), run: togglePause },
      { icon: "globe", text: settings.language === "zh" ? "English" : "简体中文", run: () => set({ language: settings.language === "zh" ? "en" : "zh" }, "lang") },
      ...THEMES.filter((theme) => theme !== settings.theme).map((theme): Command => ({ icon: "settings", text: t(`settings.theme.${theme}`), run: () => set({ theme }, "theme") })),
      { icon: "clock", text: t("top.zone"), key: keyOf("zone"), run: () => set({ zone: settings.zone === "utc" ? "local" : "utc" }, "zone") },
      { icon: "copy", text: t("act.copyLink"), run: () => void navigator.clipboard?.writeText(window.location.href) },
      { icon: "api", text: t("act.asApi"), run: onApi },
      { icon: "settings", text: t("settings.title"), run: onSettings },
      { icon: "why", text: t("help.title"), key: keyOf("help"), run: onHelp },
    ];
    const rows: Row[] = (alerts.data?.items ?? []).filter((alert) => alert.state !== "resolved").map(rowOf);
    const found: Command[] = [
      ...rows.map((row): Command => ({ icon: "alerts", text: row.alert.name, detail: row.resource, run: () => goTo("alerts", { open: row.id }) })),
      ...(text.trim() === "" ? [] : (resources.data?.items ?? [])).map((resource): Command => ({ icon: "resources", text: resource.name || resource.native_id, detail: resource.id, run: () => goTo("resources", { id: resource.id }) })),
      ...(sources.data?.items ?? []).map((source): Command => ({ icon: "sources", text: source.name, detail: source.kind, run: () => goTo("sources", { open: source.name }) })),
    ];
    const query = text.trim();
    const asked: Command[] =
      query === "" ? [] : [
        { icon: "filter", text: t("palette.filter", { q: query }), run: () => goTo("alerts", { q: query }) },
        { icon: "explore", text: t("palette.query", { q: query }), run: () => goTo("explore", { expr: query }) },
      ];
    const ranked = rankEntries([...pages, ...actions, ...found], query, (command) => `${command.text} ${command.detail ?? ""}`);
    return [...ranked.slice(0, SHOWN_MAX - asked.length), ...asked];
  }, [t, text, alerts.data, resources.data, sources.data, settings, change, onApi, onHelp, onSettings]);

  const at = Math.min(chosen, commands.length - 1);
  const run = (command: Command | undefined): void => {
    onClose();
    command?.run();
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown") setChosen(Math.min(at + 1, commands.length - 1));
    else if (event.key === "ArrowUp") setChosen(Math.max(at - 1, 0));
    else if (event.key === "Enter") run(commands[at]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={t("palette.title")} onClose={onClose} className="palette">
      <input
        data-first
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={`palette-${at}`}
        aria-label={t("top.search")}
        placeholder={t("top.search")}
        value={text}
        spellCheck={false}
        onChange={(event) => {
          setText(event.target.value);
          setChosen(0);
        }}
        onKeyDown={onKey}
      />
      <ul id="palette-list" role="listbox" aria-label={t("palette.title")}>
        {commands.map((command, index) => (
          <li key={`${command.icon}-${command.text}-${command.detail ?? ""}-${index}`} id={`palette-${index}`} role="option" aria-selected={index === at} onMouseMove={() => setChosen(index)} onClick={() => run(command)}>
            <Icon name={command.icon} />
            <Foreign max={80}>{command.text}</Foreign>
            {command.detail !== undefined && <Foreign className="quiet" max={60}>{command.detail}</Foreign>}
            {command.key !== undefined && (
              <span className="keys">
                <Kbd keys={command.key} />
              </span>
            )}
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
