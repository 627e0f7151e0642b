/**
 * What the page has read. Components that want the same share one request; a live event or the interval reads again.
 * The last good answer stays while the next one is fetched, and after one that failed, with the time it is from.
 */
import { useCallback, useMemo, useSyncExternalStore } from "react";

import { all, ApiError, request } from "./client";

export type Reading<T> =
  | { state: "loading"; data: null; at: null; error: null }
  | { state: "ready"; data: T; at: number; error: null }
  /** The server has no such part. */
  | { state: "absent"; data: null; at: null; error: ApiError }
  | { state: "failed"; data: T | null; at: number | null; error: ApiError };

const LOADING = { state: "loading", data: null, at: null, error: null } as const;
/** Answers nobody looks at any more are forgotten after this. */
const KEPT_MS = 60_000;

/** What is not served, or looked at by nobody but the title of a tab behind others, is read no more often than this. */
const SLOW_MS = 60_000;

interface Entry {
  reading: Reading<unknown>;
  read: (signal: AbortSignal) => Promise<unknown>;
  every: number;
  live: boolean;
  listeners: Set<() => void>;
  timer: ReturnType<typeof setTimeout> | null;
  running: AbortController | null;
  again: boolean;
  /** How long the latest reading took, milliseconds. */
  took: number;
}

/** What takes long to read is read less often: the server and the page rest at least this many times as long. */
const REST = 4;

const entries = new Map<string, Entry>();
let paused = false;

async function refresh(key: string, entry: Entry): Promise<void> {
  if (entry.running) {
    entry.again = true;
    return;
  }
  if (entry.timer) clearTimeout(entry.timer);
  entry.timer = null;
  const controller = new AbortController();
  entry.running = controller;
  const began = Date.now();
  try {
    const data = await entry.read(controller.signal);
    entry.reading = { state: "ready", data, at: Date.now(), error: null };
  } catch (caught) {
    if (controller.signal.aborted) return;
    const error = caught instanceof ApiError ? caught : new ApiError(0, String(caught));
    const { data, at } = entry.reading;
    entry.reading = error.isAbsent ? { state: "absent", data: null, at: null, error } : { state: "failed", data, at, error };
  } finally {
    entry.running = null;
    entry.took = Date.now() - began;
  }
  if (!entries.has(key)) return;
  for (const listener of entry.listeners) listener();
  const again = entry.again;
  entry.again = false;
  if (again) soon(key, entry);
  else schedule(key, entry);
}

/** Reads again as soon as it has rested. */
function soon(key: string, entry: Entry): void {
  if (entry.running) {
    entry.again = true;
    return;
  }
  const rested = (entry.reading.at ?? 0) + entry.took * REST;
  if (Date.now() >= rested) return void refresh(key, entry);
  if (entry.timer) clearTimeout(entry.timer);
  entry.timer = setTimeout(() => {
    entry.timer = null;
    void refresh(key, entry);
  }, rested - Date.now());
}

function schedule(key: string, entry: Entry): void {
  if (entry.every <= 0 || entry.listeners.size === 0 || entry.timer) return;
  const isSlow = entry.reading.state === "absent" || document.hidden;
  const wait = isSlow ? Math.max(entry.every, SLOW_MS) : entry.every;
  entry.timer = setTimeout(() => {
    entry.timer = null;
    if (paused) schedule(key, entry);
    else void refresh(key, entry);
  }, wait);
}

/** Reads again what live events change. */
export function invalidateLive(): void {
  if (paused) return;
  for (const [key, entry] of entries) if (entry.live && entry.listeners.size > 0) soon(key, entry);
}

/** Reads everything that is looked at again. */
export function invalidateAll(): void {
  for (const [key, entry] of entries) if (entry.listeners.size > 0) void refresh(key, entry);
}

export function setPaused(next: boolean): void {
  paused = next;
  if (!paused) invalidateAll();
}

/** Addresses that the page at hand was made from, for "As API". */
export function activePaths(): string[] {
  return [...entries].filter(([, entry]) => entry.listeners.size > 0).map(([key]) => key);
}

interface Options {
  /** Read again after this many milliseconds; 0 never. */
  every?: number;
  /** Read again when something happens. */
  live?: boolean;
  /** Read every page of a list. */
  list?: boolean;
  /** Read it this way; the address stands for it. */
  read?: (signal: AbortSignal) => Promise<unknown>;
}

/** What is at the address. Null asks nothing. */
export function useReading<T>(path: string | null, options: Options = {}): Reading<T> {
  const { every = 0, live = false, list = false, read: own } = options;
  const subscribe = useCallback(
    (listener: () => void) => {
      if (path === null) return () => undefined;
      let entry = entries.get(path);
      if (!entry) {
        const read = own ?? ((signal: AbortSignal): Promise<unknown> => (list ? all(path, signal) : request(path, { signal })));
        entry = { reading: LOADING, read, every, live, listeners: new Set(), timer: null, running: null, again: false, took: 0 };
        entries.set(path, entry);
      }
      const shared = entry;
      shared.listeners.add(listener);
      const fresh = shared.reading.state === "ready" && Date.now() - shared.reading.at < 2000;
      if (!shared.running && !fresh) void refresh(path, shared);
      else schedule(path, shared);
      return () => {
        shared.listeners.delete(listener);
        if (shared.listeners.size > 0) return;
        if (shared.timer) clearTimeout(shared.timer);
        shared.timer = setTimeout(() => {
          shared.timer = null;
          if (shared.listeners.size > 0) return;
          shared.running?.abort();
          entries.delete(path);
        }, KEPT_MS);
      };
    },
    [path, every, live, list, own],
  );
  const snapshot = useCallback(() => (path === null ? LOADING : (entries.get(path)?.reading ?? LOADING)), [path]);
  return useSyncExternalStore(subscribe, snapshot) as Reading<T>;
}

/** Every item of a list that live events change. */
export function useList<T>(path: string | null, every = 15_000): Reading<{ items: T[]; total: number }> {
  return useReading(path, useMemo(() => ({ every, live: true, list: true }), [every]));
}
