/** The address holds what is looked at; everyone who opens it sees the same. */
import { useSyncExternalStore } from "react";

export const PAGES = ["overview", "incidents", "alerts", "silences", "routing", "explore", "resources", "proposals", "sources"] as const;
export type Page = (typeof PAGES)[number];

/** Parameters that stay when the page changes: how one looks, not at what. */
const KEPT = ["lang", "theme", "d", "zone"] as const;

export interface Place {
  page: Page;
  /** The path as it is, when it names no page. */
  unknown: string | null;
  params: ReadonlyMap<string, string>;
}

export type Changes = Readonly<Record<string, string | null>>;

export function readPlace(path: string, search: string): Place {
  const word = path.replace(/^\/+|\/+$/g, "");
  const page = word === "" ? "overview" : PAGES.find((known) => known === word);
  const params = new Map<string, string>();
  // The first of equal names holds, as a list of all of them has no meaning here.
  for (const [name, value] of new URLSearchParams(search)) if (value !== "" && !params.has(name)) params.set(name, value);
  return { page: page ?? "overview", unknown: page ? null : path, params };
}

export function writePlace(page: Page, params: ReadonlyMap<string, string>): string {
  const search = new URLSearchParams([...params].filter(([, value]) => value !== "")).toString();
  const path = page === "overview" ? "/" : `/${page}`;
  return search ? `${path}?${search}` : path;
}

/** The address of a page with the parameters given, and those that stay. */
export function hrefTo(from: Place, page: Page, params: Changes = {}): string {
  const next = new Map<string, string>();
  for (const [name, value] of Object.entries(params)) if (value !== null) next.set(name, value);
  for (const name of KEPT) {
    const value = from.params.get(name);
    if (value !== undefined && !next.has(name)) next.set(name, value);
  }
  return writePlace(page, next);
}

/** The same page with some parameters changed; null takes one away. */
export function changed(place: Place, changes: Changes): string {
  const next = new Map(place.params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  }
  return writePlace(place.page, next);
}

let current: Place | null = null;
const listeners = new Set<() => void>();

function now(): Place {
  return (current ??= readPlace(window.location.pathname, window.location.search));
}

function moved(): void {
  current = null;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) window.addEventListener("popstate", moved);
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) window.removeEventListener("popstate", moved);
  };
}

export function usePlace(): Place {
  return useSyncExternalStore(subscribe, now);
}

/** Goes to an address of this page; `replace` leaves no step for Back. */
export function go(href: string, replace = false): void {
  if (href === window.location.pathname + window.location.search) return;
  if (replace) window.history.replaceState(null, "", href);
  else window.history.pushState(null, "", href);
  moved();
}

/** Goes to a page. */
export function goTo(page: Page, params: Changes = {}): void {
  go(hrefTo(now(), page, params));
}

/** Changes parameters of this page. */
export function setParams(changes: Changes, replace = false): void {
  go(changed(now(), changes), replace);
}

/** The address of this place, to hand on. */
export function currentPlace(): Place {
  return now();
}
