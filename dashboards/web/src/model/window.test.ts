import { expect, test } from "vitest";

import { MOUNTED_MAX, scrollTo, spanOf } from "./window";

test("never more than the limit is mounted, and what is seen always is", () => {
  for (const count of [0, 1, 17, 59, 60, 61, 500, 20_000]) {
    for (const viewport of [0, 120, 700, 1400]) {
      for (const height of [28, 32, 40, 92]) {
        for (let top = 0; top <= count * height; top += Math.max(1, Math.floor((count * height) / 37))) {
          const span = spanOf(top, viewport, height, count);
          expect(span.end - span.start).toBeLessThanOrEqual(MOUNTED_MAX);
          expect(span.above + (span.end - span.start) * height + span.below).toBe(count * height);
          const first = Math.min(Math.floor(top / height), Math.max(0, count - 1));
          const last = Math.min(count, Math.floor((top + viewport - 1) / height) + 1);
          if (count > 0 && top + viewport <= count * height) {
            expect(span.start).toBeLessThanOrEqual(first);
            expect(span.end).toBeGreaterThanOrEqual(last);
          }
        }
      }
    }
  }
});

test("scrolling goes no further than it has to", () => {
  expect(scrollTo(5, 0, 320, 32)).toBe(0);
  expect(scrollTo(10, 0, 320, 32)).toBe(32);
  expect(scrollTo(2, 200, 320, 32)).toBe(64);
});
