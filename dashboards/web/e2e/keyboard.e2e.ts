import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { launch, open, settle, visit } from "./browser";
import { isobar, type Isobar } from "./server";

let server: Isobar;
let browser: Browser;
beforeAll(async () => {
  server = await isobar();
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
  await server.stop();
});

const path = (page: Page): string => new URL(page.url()).pathname;
const focused = (page: Page): Promise<string> => page.evaluate(() => document.activeElement?.getAttribute("data-title") ?? document.activeElement?.tagName.toLowerCase() ?? "");

test("every page is reached without a mouse, and ? says how", async () => {
  const { page } = await open(browser, server.url);
  await visit(page, server.url);
  for (const [keys, expected] of [["ga", "/alerts"], ["gi", "/incidents"], ["gq", "/silences"], ["gn", "/routing"], ["ge", "/explore"], ["gr", "/resources"], ["gf", "/proposals"], ["gs", "/sources"], ["go", "/"]] as const) {
    await page.keyboard.type(keys);
    expect(path(page)).toBe(expected);
    await settle(page);
  }
  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open] table.help");
  await page.keyboard.press("g");
  await page.keyboard.press("a");
  expect(path(page), "a dialog has the keyboard to itself").toBe("/");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog[open]", { state: "detached" });
  await page.keyboard.press("[");
  expect(await page.locator(".frame.narrow").count()).toBe(1);
  await page.context().close();
});

test("tabbing begins at the skip link, and every stop can be seen", async () => {
  const { page } = await open(browser, server.url);
  await visit(page, server.url);
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.className)).toBe("skip");
  for (let stop = 0; stop < 40; stop++) {
    await page.keyboard.press("Tab");
    const seen = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return true;
      const box = element.getBoundingClientRect();
      const outline = getComputedStyle(element).outlineStyle;
      return box.width > 0 && box.height > 0 && (outline !== "none" || element.closest(".filter-box:focus-within") !== null);
    });
    expect(seen, await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 200))).toBe(true);
  }
  await page.context().close();
});

test("an alert is found, read and left by keys, and the focus comes back to its row", async () => {
  const { page } = await open(browser, server.url);
  await visit(page, `${server.url}/alerts`);
  await page.waitForSelector("table.alerts tbody tr[aria-rowindex]");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  expect(await focused(page)).toBe("tr");
  const row = await page.evaluate(() => document.activeElement?.getAttribute("aria-rowindex"));
  expect(row).toBe("2");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".side");
  expect(await page.evaluate(() => document.activeElement?.hasAttribute("data-title"))).toBe(true);
  const url = page.url();
  expect(url).toContain("open=");
  await page.keyboard.press("w");
  await expect.poll(() => page.evaluate(() => document.activeElement?.hasAttribute("data-why"))).toBe(true);
  await page.keyboard.press("Escape");
  await page.waitForSelector(".side", { state: "detached" });
  expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-rowindex"))).toBe(row);
  await page.goBack();
  await page.waitForSelector(".side");
  await page.goBack();
  await page.waitForSelector(".side", { state: "detached" });
  await page.context().close();
});

test("the filter is typed: a chip by completion, an error at its place, Backspace to edit", async () => {
  const { page } = await open(browser, server.url);
  await visit(page, `${server.url}/alerts`);
  await page.waitForSelector("table.alerts tbody tr[aria-rowindex]");
  await page.keyboard.press("/");
  await page.keyboard.type("@severity=crit");
  await page.waitForSelector(".choices li");
  await page.keyboard.press("Tab");
  await page.waitForSelector(".filter .chip");
  expect(new URL(page.url()).searchParams.get("q")).toBe("@severity=critical");
  const words = await page.locator("table.alerts tbody .c-severity").allTextContents();
  expect(new Set(words.map((word) => word.trim()))).toEqual(new Set(["Critical"]));
  await page.keyboard.press("Backspace");
  expect(await page.inputValue(".filter input")).toBe("@severity=critical");
  await page.fill(".filter input", "@age>soon");
  await page.waitForSelector(".filter .wrong:not(:empty)");
  await page.fill(".filter input", "nothing-has-this-name");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".empty button");
  await page.click(".empty button");
  await page.waitForSelector("table.alerts tbody tr[aria-rowindex]");
  await page.context().close();
});

test("of a long list few rows are mounted, and the end is reached", async () => {
  const { page } = await open(browser, server.url);
  await visit(page, `${server.url}/alerts`);
  const total = Number(await page.getAttribute("table.alerts", "aria-rowcount")) - 1;
  await page.focus("table.alerts tbody tr[tabindex='0']");
  await page.keyboard.press("End");
  await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute("aria-rowindex"))).toBe(String(total + 1));
  expect(await page.locator("table.alerts tbody tr[aria-rowindex]").count()).toBeLessThanOrEqual(60);
  await page.context().close();
});

test("commands are found by typing", async () => {
  const { page } = await open(browser, server.url);
  await visit(page, server.url);
  await page.keyboard.press("Control+k");
  await page.waitForSelector("dialog[open] input");
  await page.keyboard.type("sour");
  await page.keyboard.press("Enter");
  await settle(page);
  expect(path(page)).toBe("/sources");
  await page.context().close();
});
