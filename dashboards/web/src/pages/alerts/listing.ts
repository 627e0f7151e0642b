/** The alerts of a question: from all of them where they are few, from the server where they are very many. */
import { useCallback, useState } from "react";

import type { AlertList } from "../../api/centre";
import { PAGE_MAX, request } from "../../api/client";
import { paths } from "../../api/shapes";
import { useReading, type Reading } from "../../api/store";
import { FACETS } from "./facets";

/** Pages read of one question at most: who wants to see more rows narrows the filter. */
export const PAGES_MAX = 5;
const EVERY_MS = 15_000;
/** What nobody can act on is left out. */
const ACTABLE = "@state!=pending @state!=resolved";

export interface Answer extends AlertList {
  /** The question it answers, and how many pages of it were asked for. */
  path: string;
  pages: number;
}

/** The address of a question's first page. */
export function listPath(q: string, sort: string | null, resolved: boolean): string {
  const query = new URLSearchParams({ state: resolved ? "all" : "open", sort: sort ?? "severity", facets: FACETS.map((facet) => `@${facet}`).join(","), limit: `${PAGE_MAX}` });
  if (q !== "") query.set("q", q);
  return `${paths.alerts}?${query}`;
}

/** The address that counts what of a filter can be acted on. */
export function countPath(q: string): string {
  return `${paths.alerts}?${new URLSearchParams({ state: "open", q: `${q} ${ACTABLE}`.trim(), limit: "1" })}`;
}

/** Reads the question. The latest answer says itself which question it is of: the one before, until the server has answered. Null asks nothing. */
export function useListing(path: string | null, pages: number): { reading: Reading<Answer>; latest: Answer | null } {
  const read = useCallback(
    async (signal: AbortSignal): Promise<Answer> => {
      const first = await request<AlertList>(path ?? "", { signal });
      const answer: Answer = { ...first, path: path ?? "", pages, items: [...first.items] };
      for (let page = 1; page < pages && answer.next !== null; page++) {
        const more = await request<AlertList>(`${path ?? ""}&after=${encodeURIComponent(answer.next)}`, { signal });
        answer.items.push(...more.items);
        answer.next = more.next;
      }
      return answer;
    },
    [path, pages],
  );
  const reading = useReading<Answer>(path === null ? null : pages === 1 ? path : `${path}#${pages}`, { every: EVERY_MS, live: true, read });
  const [latest, setLatest] = useState<Answer | null>(null);
  if (reading.data !== null && reading.data !== latest) setLatest(reading.data);
  return { reading, latest: reading.data ?? latest };
}
