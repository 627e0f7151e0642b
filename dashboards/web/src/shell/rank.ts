/** How well a text answers what was typed: a start beats a word's start beats anything inside; null when it does not. */
export function score(text: string, query: string): number | null {
  const hay = text.toLowerCase();
  let total = 0;
  for (const word of query.toLowerCase().split(/\s+/).filter(Boolean)) {
    const at = hay.indexOf(word);
    if (at < 0) return null;
    total += at === 0 ? 0 : /[\s/:._-]/.test(hay.charAt(at - 1)) ? 1 : 2;
  }
  return total;
}

/** What answers the query, best first; equal ones keep their order. */
export function rankEntries<T>(entries: readonly T[], query: string, text: (entry: T) => string): T[] {
  const scored = entries.flatMap((entry) => {
    const found = score(text(entry), query);
    return found === null ? [] : [{ entry, found }];
  });
  return scored.sort((a, b) => a.found - b.found).map(({ entry }) => entry);
}
