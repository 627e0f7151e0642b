/** The live stream of the journal: it says that something happened; what it is, is read from the lists. */
import { useSyncExternalStore } from "react";

import { headers, onRefusal, refusal } from "./client";
import { EventReader } from "./sse";
import { invalidateAll, invalidateLive, setPaused } from "./store";

const PATH = "/api/isobar/v1/events";
/** Bursts are read once. */
const GATHER_MS = 250;
/** The server says something every 15 s; a stream that is silent for longer than that and a little is late. */
const LATE_MS = 20_000;
const LOST_MS = 60_000;
/** A tab behind others gives its stream back after this: browsers keep six connections to a server, all tabs together. */
const HIDDEN_MS = 30_000;
/** First and longest wait before the next try. */
const RETRY_MS = 3000;
const RETRY_MAX_MS = 30_000;

export interface LiveState {
  /** `late` after 20 s without a word, `lost` after a minute. */
  state: "connecting" | "live" | "late" | "lost" | "paused";
  /** When the server was last heard, Unix milliseconds. */
  heardAt: number | null;
  /** When the next try is, while there is no connection. */
  retryAt: number | null;
}

let state: LiveState = { state: "connecting", heardAt: null, retryAt: null };
let paused = false;
let controller: AbortController | null = null;
let lastId: string | null = null;
let gather: ReturnType<typeof setTimeout> | null = null;
let startedAt = 0;
const listeners = new Set<() => void>();

function set(next: Partial<LiveState>): void {
  state = { ...state, ...next };
  for (const listener of listeners) listener();
}

/** How the stream does at a time, from when it was last heard. */
export function stateAt(now: number, heardAt: number | null, startedAt: number, connected: boolean): LiveState["state"] {
  const silent = now - (heardAt ?? startedAt);
  if (silent > LOST_MS) return "lost";
  if (silent > LATE_MS) return "late";
  return connected ? "live" : "connecting";
}

function heard(): void {
  set({ heardAt: Date.now(), state: paused ? "paused" : "live", retryAt: null });
}

function happened(): void {
  gather ??= setTimeout(() => {
    gather = null;
    invalidateLive();
  }, GATHER_MS);
}

async function follow(signal: AbortSignal): Promise<void> {
  const more: Record<string, string> = { accept: "text/event-stream" };
  if (lastId !== null) more["last-event-id"] = lastId;
  const response = await fetch(PATH, { headers: headers(more), signal, cache: "no-store", credentials: "same-origin" });
  if (!response.ok || !response.body) throw new Error(`${response.status}`);
  heard();
  const events = new EventReader();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    const told = events.push(value);
    lastId = events.lastId ?? lastId;
    if (told.length > 0) happened();
  }
}

async function keepFollowing(signal: AbortSignal): Promise<void> {
  let wait = RETRY_MS;
  while (!signal.aborted) {
    const began = Date.now();
    try {
      await follow(signal);
    } catch {
      // Told by the state: the page says how long it has heard nothing.
    }
    if (signal.aborted) return;
    wait = Date.now() - began > LOST_MS ? RETRY_MS : Math.min(wait * 2, RETRY_MAX_MS);
    set({ retryAt: Date.now() + wait });
    await new Promise((resolve) => setTimeout(resolve, wait));
    // What happened in between comes with the last id, and what has no event is read anew.
    invalidateAll();
  }
}

/** Starts following; the returned function ends it. */
export function startLive(): () => void {
  startedAt = Date.now();
  let leaving: ReturnType<typeof setTimeout> | null = null;
  const begin = (): void => {
    controller?.abort();
    controller = new AbortController();
    void keepFollowing(controller.signal);
  };
  const end = (): void => {
    controller?.abort();
    controller = null;
  };
  const seen = (): void => {
    if (leaving) clearTimeout(leaving);
    leaving = document.hidden ? setTimeout(end, HIDDEN_MS) : null;
    if (document.hidden || controller !== null) return;
    startedAt = Date.now();
    set({ state: "connecting", heardAt: null, retryAt: null });
    begin();
    invalidateAll();
  };
  document.addEventListener("visibilitychange", seen);
  begin();
  const stopWatching = onRefusal(() => {
    if (refusal() === null) {
      begin();
      invalidateAll();
    }
  });
  const tick = setInterval(() => {
    // A stream that was given back is not late.
    if (controller === null) return;
    const next = paused ? "paused" : stateAt(Date.now(), state.heardAt, startedAt, state.retryAt === null && state.heardAt !== null);
    if (next !== state.state) set({ state: next });
  }, 1000);
  return () => {
    clearInterval(tick);
    stopWatching();
    document.removeEventListener("visibilitychange", seen);
    if (leaving) clearTimeout(leaving);
    end();
  };
}

export function togglePause(): void {
  paused = !paused;
  setPaused(paused);
  set({ state: paused ? "paused" : stateAt(Date.now(), state.heardAt, startedAt, state.heardAt !== null) });
}

export function useLive(): LiveState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}
