import { describe, expect, test } from "vitest";

import { changed, hrefTo, PAGES, readPlace, writePlace } from "./state";

describe("addresses", () => {
  test("each page has one, and reads back", () => {
    for (const page of PAGES) {
      const href = writePlace(page, new Map([["q", 'severity=critical team="a & b" 雨 #?=+%']]));
      const url = new URL(href, "http://x");
      const place = readPlace(url.pathname, url.search);
      expect(place.page).toBe(page);
      expect(place.unknown).toBeNull();
      expect(place.params.get("q")).toBe('severity=critical team="a & b" 雨 #?=+%');
    }
  });

  test("a path that is none says so", () => {
    expect(readPlace("/no/such", "").unknown).toBe("/no/such");
    expect(readPlace("//evil.example/alerts", "").unknown).toBe("//evil.example/alerts");
  });

  test("how one looks goes along to another page, at what does not", () => {
    const place = readPlace("/alerts", "?q=x&open=1&lang=zh&theme=light&d=compact&zone=local");
    expect(hrefTo(place, "sources", { open: "aws-prod" })).toBe("/sources?open=aws-prod&lang=zh&theme=light&d=compact&zone=local");
    expect(hrefTo(place, "overview")).toBe("/?lang=zh&theme=light&d=compact&zone=local");
  });

  test("a change keeps the rest, and nothing is written for nothing", () => {
    const place = readPlace("/alerts", "?q=x&open=1");
    expect(changed(place, { open: null, sort: "-since" })).toBe("/alerts?q=x&sort=-since");
    expect(changed(place, { q: "", open: null })).toBe("/alerts");
  });

  test("the first of equal names holds, and empty ones are none", () => {
    const place = readPlace("/alerts", "?q=a&q=b&open=");
    expect(place.params.get("q")).toBe("a");
    expect(place.params.has("open")).toBe(false);
  });
});
