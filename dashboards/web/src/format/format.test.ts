import { describe, expect, test } from "vitest";

import { absolute, age, clock, duration, lag, moment, parseSpan, parseTime } from "./time";
import { cut, safeLink, visible } from "./untrusted";
import { figure, formatValue, money } from "./value";

const NOW = Date.parse("2026-11-21T03:14:02Z");
const MINUTE = 60_000;

describe("times", () => {
  test("clock, day and year as far as they are needed", () => {
    expect(clock(NOW, "utc")).toBe("03:14:02");
    expect(moment(NOW - MINUTE, NOW, "utc")).toBe("03:13:02");
    expect(moment(NOW - 24 * 60 * MINUTE, NOW, "utc")).toBe("11-20 03:14");
    expect(moment(Date.parse("2025-01-02T00:00:00Z"), NOW, "utc")).toBe("2025-01-02");
    expect(absolute(NOW, "utc")).toBe("2026-11-21 03:14:02 UTC");
  });

  test.each([
    [0, "0s", "0秒"],
    [52_000, "52s", "52秒"],
    [712_000, "11m 52s", "11分52秒"],
    [7_500_000, "2h 5m", "2时5分"],
    [3 * 86_400_000, "3d 0h", "3天0时"],
    [-5, "0s", "0秒"],
  ])("%d ms lasts %s", (ms, english, chinese) => {
    expect(duration(ms, "en")).toBe(english);
    expect(duration(ms, "zh")).toBe(chinese);
  });

  test("ages and lags in rows", () => {
    expect(age(712_000, "en")).toBe("11 m");
    expect(age(712_000, "zh")).toBe("11分");
    expect(lag(0.42, "en")).toBe("0.4 s");
    expect(lag(84, "en")).toBe("84 s");
    expect(lag(1342, "en")).toBe("22 m");
  });

  test.each([
    ["15m", 15 * MINUTE],
    ["1h30m", 90 * MINUTE],
    ["250ms", 250],
    ["1.5h", 90 * MINUTE],
    ["", null],
    ["15", null],
    ["m15", null],
    ["15m x", null],
  ])("span %s", (text, expected) => {
    expect(parseSpan(text)).toBe(expected);
  });

  test.each([
    ["now", NOW],
    ["now-2h", NOW - 120 * MINUTE],
    ["2026-11-21 03:00", Date.parse("2026-11-21T03:00:00Z")],
    ["2026-11-21T03:00:00+08:00", Date.parse("2026-11-20T19:00:00Z")],
    ["1763694842", 1_763_694_842_000],
    ["now-", null],
    ["yesterday", null],
  ])("time %s", (text, expected) => {
    expect(parseTime(text, NOW)).toBe(expected);
  });
});

describe("values", () => {
  test.each([
    [0.312, "1", "31.2 %"],
    [0, "1", "0 %"],
    [1904, "{connection}", "1.9 k"],
    [904, "{connection}", "904"],
    [3.2 * 2 ** 30, "By", "3.2 GiB"],
    [18 * 2 ** 20, "By/s", "18 MiB/s"],
    [412, "s", "412 s"],
    [0.094, "s", "94 ms"],
    [1220, "{request}/s", "1.22 k/s"],
    [38, null, "38"],
    [Number.NaN, null, "NaN"],
    [-2.5, null, "−2.5"],
  ])("%d %s", (value, unit, expected) => {
    expect(formatValue(value, unit)).toBe(expected);
  });

  test("figures have three digits and no noise", () => {
    expect(figure(1234567)).toBe("1,234,567");
    expect(figure(0.1 + 0.2)).toBe("0.3");
    expect(figure(1e-7)).toBe("1.00e−7");
    expect(figure(Number.POSITIVE_INFINITY)).toBe("+Inf");
  });

  test("money", () => {
    expect(money(1284.1, "USD")).toBe("$1,284");
    expect(money(41.3, "USD")).toBe("$41.30");
    expect(money(3, "no such")).toBe("3 no such");
  });
});

describe("foreign texts", () => {
  test("nothing invisible stays invisible", () => {
    expect(visible("a\0b\u001b[31m\n")).toBe("a␀b␛[31m␊");
    expect(visible("abc\u202Egnp.exe")).toBe("abc⟨U+202E⟩gnp.exe");
    expect(visible("zero\u200bwidth")).toBe("zero·width");
    expect(visible("雨が降る 🌧")).toBe("雨が降る 🌧");
  });

  test("cuts between characters", () => {
    expect(cut("short")).toBe("short");
    expect(cut("x".repeat(300))).toHaveLength(200);
    expect(cut("ab🌧cd", 4)).toBe("ab…");
  });

  test.each(["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "//evil.example", "vbscript:x", " ", "blob:x", "file:///etc/passwd"])("%s is no link", (text) => {
    expect(safeLink(text)).toBeNull();
  });

  test("http and https are", () => {
    expect(safeLink("https://runbooks.example/a?b=<c>")).toBe("https://runbooks.example/a?b=%3Cc%3E");
  });
});
