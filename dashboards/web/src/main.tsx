import "./style/tokens.css";
import "./style/base.css";
import "./style/frame.css";
import "./style/parts.css";
import "./style/pages.css";

import { StrictMode, type ReactNode } from "react";
import { createRoot } from "react-dom/client";

import { startLive } from "./api/live";
import { App } from "./app";
import { SpeechProvider } from "./i18n/text";
import { SettingsProvider, useSettings } from "./settings";

function Spoken(): ReactNode {
  const { settings } = useSettings();
  return (
    <SpeechProvider language={settings.language}>
      <App />
    </SpeechProvider>
  );
}

const root = document.getElementById("root");
if (!root) throw new Error("the page has no place for the application");
startLive();
createRoot(root).render(
  <StrictMode>
    <SettingsProvider>
      <Spoken />
    </SettingsProvider>
  </StrictMode>,
);
