/** Keys of the page in one table: what they do is registered by who does it, what they are called stands here. */
import { useEffect, useRef } from "react";

import { useSettings } from "../settings";

export const KEYS = [
  { id: "search", keys: ["/"] },
  { id: "palette", keys: ["Ctrl k"] },
  { id: "next", keys: ["j"] },
  { id: "previous", keys: ["k"] },
  { id: "open", keys: ["Enter"] },
  { id: "source", keys: ["o"] },
  { id: "why", keys: ["w"] },
  { id: "select", keys: ["x"] },
  { id: "selectRange", keys: ["X"] },
  { id: "selectAll", keys: ["*"] },
  { id: "acknowledge", keys: ["a"] },
  { id: "silence", keys: ["s"] },
  { id: "comment", keys: ["c"] },
  { id: "merge", keys: ["m"] },
  { id: "undo", keys: ["u"] },
  { id: "new", keys: ["."] },
  { id: "pause", keys: ["p"] },
  { id: "zone", keys: ["z"] },
  { id: "range", keys: ["t"] },
  { id: "run", keys: ["Ctrl Enter"] },
  { id: "overview", keys: ["g o"] },
  { id: "incidents", keys: ["g i"] },
  { id: "alerts", keys: ["g a"] },
  { id: "silences", keys: ["g q"] },
  { id: "routing", keys: ["g n"] },
  { id: "explore", keys: ["g e"] },
  { id: "resources", keys: ["g r"] },
  { id: "proposals", keys: ["g f"] },
  { id: "sources", keys: ["g s"] },
  { id: "rail", keys: ["["] },
  { id: "close", keys: ["Escape"] },
  { id: "help", keys: ["?"] },
] as const;
export type KeyId = (typeof KEYS)[number]["id"];

const bindings = new Map<string, KeyId>(KEYS.flatMap(({ id, keys }) => keys.map((key) => [key, id] as const)));
/** The second key of a pair comes within this. */
const PAIR_MS = 1500;

export interface Pressed {
  key: string;
  ctrl: boolean;
  alt: boolean;
}

/**
 * What a key means after the ones before. `prefix` is the first of a pair when one is open; the answer has the new one.
 * Keys that need Ctrl, and Esc, work everywhere; single keys only outside of text, and when they are not switched off.
 */
export function read(prefix: string | null, pressed: Pressed, inText: boolean, singles: boolean): { id: KeyId | null; prefix: string | null } {
  if (pressed.alt) return { id: null, prefix: null };
  if (pressed.ctrl) return { id: bindings.get(`Ctrl ${pressed.key === "Enter" ? "Enter" : pressed.key.toLowerCase()}`) ?? null, prefix: null };
  if (pressed.key === "Escape") return { id: "close", prefix: null };
  if (inText || !singles) return { id: null, prefix: null };
  if (prefix !== null) {
    const pair = bindings.get(`${prefix} ${pressed.key}`);
    if (pair) return { id: pair, prefix: null };
  }
  if (pressed.key === "g") return { id: null, prefix: "g" };
  return { id: bindings.get(pressed.key) ?? null, prefix: null };
}

/** Returns false when it did nothing, so that the key goes on to who stands behind. */
type Handler = () => boolean | undefined;

/** The latest registered goes first: a dialog before its page, a page before the frame. */
const stack: Partial<Record<KeyId, Handler>>[] = [];

/** Registers what keys do while a component is there. */
export function useKeys(handlers: Partial<Record<KeyId, Handler | (() => void)>>): void {
  const latest = useRef(handlers);
  useEffect(() => {
    latest.current = handlers;
  });
  useEffect(() => {
    const layer = new Proxy({} as Partial<Record<KeyId, Handler>>, {
      get: (_target, id) => latest.current[id as KeyId] as Handler | undefined,
    });
    stack.push(layer);
    return () => void stack.splice(stack.indexOf(layer), 1);
  }, []);
}

function isText(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button", "submit"].includes(target.type);
  return target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

/** Listens; once, by the frame. */
export function useKeyboard(): void {
  const { keys } = useSettings().settings;
  useEffect(() => {
    let prefix: string | null = null;
    let opened = 0;
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.isComposing) return;
      // Enter belongs to what has the focus.
      if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) return;
      if (Date.now() - opened > PAIR_MS) prefix = null;
      const pressed = { key: event.key, ctrl: event.ctrlKey || event.metaKey, alt: event.altKey };
      const next = read(prefix, pressed, isText(event.target), keys);
      prefix = next.prefix;
      opened = Date.now();
      if (!next.id) return;
      // A dialog has the keyboard to itself; its Esc is the browser's.
      if (document.querySelector("dialog[open]") && next.id !== "palette") return;
      for (const layer of [...stack].reverse()) {
        const handler = layer[next.id];
        if (handler && handler() !== false) {
          event.preventDefault();
          return;
        }
      }
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [keys]);
}
