/** Requests to the server the page came from. The token, where one is needed, stays in this tab. */

const TOKEN = "isobar.token";

/** Why a request has no answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** Where in a query the error is, in characters from 0; null when it is not known. */
    readonly at: number | null = null,
  ) {
    super(message);
  }

  /** The server is older than the page or was built without this part. */
  get isAbsent(): boolean {
    return this.status === 404 || this.status === 405 || this.status === 501;
  }
}

const listeners = new Set<() => void>();
let refused: { status: 401 | 403; message: string } | null = null;

export function token(): string | null {
  try {
    return window.sessionStorage.getItem(TOKEN);
  } catch {
    return null;
  }
}

/** Keeps the token for this tab, or forgets it. */
export function setToken(value: string | null): void {
  if (value) window.sessionStorage.setItem(TOKEN, value);
  else window.sessionStorage.removeItem(TOKEN);
  setRefused(null);
}

/** What the server said when it last wanted a token; null while it does not. */
export function refusal(): typeof refused {
  return refused;
}

export function onRefusal(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function setRefused(next: typeof refused): void {
  if (refused?.message === next?.message && refused?.status === next?.status) return;
  refused = next;
  for (const listener of listeners) listener();
}

export function headers(more: Record<string, string> = {}): Record<string, string> {
  const bearer = token();
  return bearer ? { ...more, authorization: `Bearer ${bearer}` } : more;
}

/** Range queries at once. Browsers keep six connections to a server; one is the live stream's. */
const RANGES_MAX = 3;
let ranges = 0;
const rangeQueue: (() => void)[] = [];

async function inTurn<T>(path: string, work: () => Promise<T>): Promise<T> {
  if (!path.startsWith("/api/v1/query_range")) return work();
  if (ranges >= RANGES_MAX) await new Promise<void>((resolve) => rangeQueue.push(resolve));
  ranges += 1;
  try {
    return await work();
  } finally {
    ranges -= 1;
    rangeQueue.shift()?.();
  }
}

/** Asks and reads the answer as JSON. Throws `ApiError`; the message is the server's own. */
export async function request<T>(path: string, options: { method?: string; json?: unknown; form?: Record<string, string>; signal?: AbortSignal; keepalive?: boolean } = {}): Promise<T> {
  const init: RequestInit = { method: options.method ?? "GET", headers: headers(), credentials: "same-origin", cache: "no-store" };
  if (options.signal) init.signal = options.signal;
  if (options.keepalive) init.keepalive = true;
  if (options.json !== undefined) {
    init.headers = headers({ "content-type": "application/json" });
    init.body = JSON.stringify(options.json);
  }
  if (options.form) init.body = new URLSearchParams(options.form);
  let response: Response;
  try {
    response = await inTurn(path, () => fetch(path, init));
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, error instanceof Error ? error.message : String(error));
  }
  const text = await response.text();
  if (response.ok) {
    if (response.status !== 204 && refused?.status === 401) setRefused(null);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }
  const message = messageOf(text) ?? `${response.status} ${response.statusText}`;
  if (response.status === 401) setRefused({ status: 401, message });
  throw new ApiError(response.status, message);
}

/** The message in an error of the native API or of Prometheus' own. */
function messageOf(text: string): string | null {
  try {
    const body = JSON.parse(text) as { message?: unknown; error?: unknown };
    if (typeof body.message === "string") return body.message;
    if (typeof body.error === "string") return body.error;
  } catch {
    return text.length > 0 && text.length < 300 && !text.startsWith("<") ? text.trim() : null;
  }
  return null;
}

/** Items on a page of a list at most. */
export const PAGE_MAX = 1000;
/** Pages of a list read at most: 20 000 items. More is said, not shown. */
const PAGES_MAX = 20;

/** Every item of a list, a page after the other. */
export async function all<T>(path: string, signal?: AbortSignal): Promise<{ items: T[]; total: number }> {
  const items: T[] = [];
  let after: string | null = null;
  let total = 0;
  for (let page = 0; page < PAGES_MAX; page++) {
    const query = new URLSearchParams({ limit: `${PAGE_MAX}` });
    if (after !== null) query.set("after", after);
    const joint = path.includes("?") ? "&" : "?";
    const answer: { items: T[]; total: number; next: string | null } = await request(`${path}${joint}${query}`, signal ? { signal } : {});
    items.push(...answer.items);
    total = answer.total;
    after = answer.next;
    if (after === null) break;
  }
  return { items, total };
}
