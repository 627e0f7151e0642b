import { useEffect, useState, useSyncExternalStore, type ReactNode } from "react";

import { useText } from "../i18n/text";
import { useKeys } from "../keys/keymap";
import { Icon } from "../parts/icon";
import { Kbd } from "../parts/kbd";
import { Shape } from "../parts/mark";
import { present } from "../parts/now";

/** What was done can be taken back for this long. */
export const UNDO_MS = 10_000;
const SHOWN_MAX = 3;
const TICK_MS = 250;

interface Toast {
  id: number;
  text: string;
  isWrong: boolean;
  /** Takes it back. */
  undo: (() => void) | null;
  /** Runs when it can no longer be taken back: what has no way back is done only then. */
  settle: (() => void) | null;
  left: number;
}

let toasts: readonly Toast[] = [];
let count = 0;
const listeners = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

function push(toast: Omit<Toast, "id" | "left">): void {
  count += 1;
  const all = [...toasts, { ...toast, id: count, left: UNDO_MS }];
  for (const old of all.slice(0, -SHOWN_MAX)) old.settle?.();
  set(all.slice(-SHOWN_MAX));
}

/** Says that something is done. */
export function tell(text: string, more: { undo?: () => void; settle?: () => void } = {}): void {
  push({ text, isWrong: false, undo: more.undo ?? null, settle: more.settle ?? null });
}

/** Says that something could not be done; it stays until it is closed. */
export function complain(text: string): void {
  push({ text, isWrong: true, undo: null, settle: null });
}

function close(id: number, how: "undo" | "settle"): void {
  const toast = toasts.find((one) => one.id === id);
  set(toasts.filter((one) => one.id !== id));
  toast?.[how]?.();
}

function settleAll(): void {
  for (const toast of toasts) toast.settle?.();
  set([]);
}

/** What was done last, each with its way back, for ten seconds; the time rests under the pointer and the focus. */
export function Toasts(): ReactNode {
  const t = useText();
  const [rests, setRests] = useState(false);
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  useKeys({
    undo: () => {
      const last = [...toasts].reverse().find((toast) => toast.undo !== null);
      if (last) close(last.id, "undo");
      return last !== undefined;
    },
  });
  const isRunning = shown.some((toast) => !toast.isWrong) && !rests;
  useEffect(() => {
    if (!isRunning) return undefined;
    let before = present();
    const timer = setInterval(() => {
      const now = present();
      const passed = now - before;
      before = now;
      const next = toasts.map((toast) => (toast.isWrong ? toast : { ...toast, left: toast.left - passed }));
      for (const over of next.filter((toast) => toast.left <= 0)) over.settle?.();
      set(next.filter((toast) => toast.left > 0));
    }, TICK_MS);
    return () => clearInterval(timer);
  }, [isRunning]);
  useEffect(() => {
    window.addEventListener("pagehide", settleAll);
    return () => window.removeEventListener("pagehide", settleAll);
  }, []);
  return (
    <div className="toasts" role="status" onMouseEnter={() => setRests(true)} onMouseLeave={() => setRests(false)} onFocus={() => setRests(true)} onBlur={() => setRests(false)}>
      {shown.map((toast) => (
        <div key={toast.id} className={`toast ${toast.isWrong ? "is-wrong" : ""}`}>
          <Shape mark={toast.isWrong ? "high" : "ok"} />
          <span>{toast.text}</span>
          {toast.undo && (
            <button type="button" onClick={() => close(toast.id, "undo")}>
              <Icon name="undo" /> {t("act.undo")} <Kbd keys="u" />
            </button>
          )}
          <button type="button" className="bare" aria-label={t("act.close")} onClick={() => close(toast.id, "settle")}>
            <Icon name="close" />
          </button>
          {!toast.isWrong && (
            <svg className="toast-left" viewBox="0 0 100 2" preserveAspectRatio="none" aria-hidden="true">
              <rect width={(toast.left / UNDO_MS) * 100} height="2" />
            </svg>
          )}
        </div>
      ))}
    </div>
  );
}
