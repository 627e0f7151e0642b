import { useEffect, useRef, useState, type ReactNode } from "react";

import { useText } from "../i18n/text";
import type { Mark } from "../model/severity";

/** Figures are read aloud at most this often. */
const POLITE_MS = 10_000;

/** The two regions that speak by themselves: one for counts, one for what is new and critical. */
export function Announcer({ open, critical, ready }: { open: number; critical: number; ready: boolean }): ReactNode {
  const t = useText();
  const [polite, setPolite] = useState("");
  const [assertive, setAssertive] = useState("");
  const before = useRef<{ open: number; critical: number } | null>(null);
  const spoke = useRef(0);
  useEffect(() => {
    if (!ready) return undefined;
    const last = before.current;
    before.current = { open, critical };
    if (last === null) return undefined;
    if (critical > last.critical) setAssertive(t("say.critical", { n: critical - last.critical }));
    if (open === last.open) return undefined;
    const wait = Math.max(0, spoke.current + POLITE_MS - Date.now());
    const timer = setTimeout(() => {
      spoke.current = Date.now();
      setPolite(t("say.open", { n: open }));
    }, wait);
    return () => clearTimeout(timer);
  }, [open, critical, ready, t]);
  return (
    <>
      <div className="unseen" aria-live="polite">{polite}</div>
      <div className="unseen" aria-live="assertive">{assertive}</div>
    </>
  );
}

/** The title of the tab and its picture: a quiet ring, an octagon with the count, dashed when nothing is heard. */
export function useTab(worst: Mark, critical: number, sentence: string, stale: boolean): void {
  useEffect(() => {
    document.title = critical > 0 ? `(${critical}) ${sentence} · Isobar` : `${sentence} · Isobar`;
    const shape = stale
      ? '<circle cx="16" cy="16" r="12" fill="none" stroke="#8794A5" stroke-width="4" stroke-dasharray="6 5"/>'
      : critical > 0
        ? `<path d="M10 2h12l8 8v12l-8 8H10l-8-8V10z" fill="#C4243A"/><text x="16" y="23" font-size="18" font-weight="700" font-family="sans-serif" text-anchor="middle" fill="#fff">${Math.min(critical, 99)}</text>`
        : `<circle cx="16" cy="16" r="12" fill="none" stroke="${worst === "ok" ? "#65BEA6" : "#E59812"}" stroke-width="4"/>`;
    const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${shape}</svg>`;
    document.querySelector('link[rel="icon"]')?.setAttribute("href", `data:image/svg+xml,${encodeURIComponent(icon)}`);
  }, [worst, critical, sentence, stale]);
}
