/** Which rows of a long table are in the page. Pure. */

/** Rows that are mounted at once at most. */
export const MOUNTED_MAX = 60;

export interface Span {
  /** First row mounted. */
  start: number;
  /** One past the last. */
  end: number;
  /** Height in pixels of what is not mounted above and below. */
  above: number;
  below: number;
}

/** The rows that are seen at a scroll position, and some around them; never more than `MOUNTED_MAX`. */
export function spanOf(scrollTop: number, viewport: number, rowHeight: number, count: number): Span {
  const seen = Math.min(MOUNTED_MAX, Math.ceil(viewport / rowHeight) + 1);
  const around = Math.floor((MOUNTED_MAX - seen) / 2);
  const first = Math.max(0, Math.min(Math.floor(scrollTop / rowHeight), count - seen));
  // Even starts keep the stripes and what is mounted steady while scrolling by small steps.
  const start = Math.max(0, first - around);
  const end = Math.min(count, first + seen + around);
  return { start, end, above: start * rowHeight, below: (count - end) * rowHeight };
}

/** Where to scroll so that a row is in view; the present position when it is. */
export function scrollTo(row: number, scrollTop: number, viewport: number, rowHeight: number): number {
  const top = row * rowHeight;
  if (top < scrollTop) return top;
  return top + rowHeight > scrollTop + viewport ? top + rowHeight - viewport : scrollTop;
}
