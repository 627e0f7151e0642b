import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { launch, open, visit } from "./browser";
import { isobar, type Isobar } from "./server";

/** A hundred thousand open alerts: the server filters, sorts and counts; the page has a part of them. */
const MANY = 100_000;

let server: Isobar;
let browser: Browser;
beforeAll(async () => {
  server = await isobar({ mock: true, more: MANY });
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
  await server.stop();
});

test("the list paints in time, a keystroke answers at once, and few rows are mounted", async () => {
  const { page, wrongs } = await open(browser, server.url);
  // The first readings teach the server's caches; what is measured is the page.
  await visit(page, `${server.url}/alerts`);
  await page.reload();
  await page.waitForSelector("table.alerts tbody tr[aria-rowindex]");
  const painted = await page.evaluate(() => performance.now());
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Infinity);
  expect(Number(await page.getAttribute("table.alerts", "aria-rowcount"))).toBeGreaterThan(MANY);
  expect(await page.locator("table.alerts tbody tr[aria-rowindex]").count()).toBeLessThanOrEqual(60);

  await page.focus(".filter input");
  const strokes = await page.evaluate(async () => {
    const input = document.querySelector<HTMLInputElement>(".filter input");
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set;
    const took: number[] = [];
    for (let length = 1; length <= "@region=us-ea".length; length++) {
      const before = performance.now();
      set?.call(input, "@region=us-ea".slice(0, length));
      input?.dispatchEvent(new Event("input", { bubbles: true }));
      took.push(performance.now() - before);
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    }
    return took;
  });
  process.stderr.write(`100,000 alerts: first paint ${Math.round(paint)} ms, rows ${Math.round(painted)} ms, keystroke ${Math.max(...strokes).toFixed(1)} ms at most\n`);
  expect(paint).toBeLessThan(1000);
  expect(Math.max(...strokes)).toBeLessThan(50);
  expect(wrongs.errors).toEqual([]);
  await page.context().close();
}, 120_000);

test("facets, the filter and acts are about all of them, and their number is asked first", async () => {
  const { page } = await open(browser, server.url);
  await visit(page, `${server.url}/alerts?q=%40severity%3Dwarning`);
  await page.waitForSelector("table.alerts tbody tr[aria-rowindex]");
  await expect.poll(async () => Number(await page.getAttribute("table.alerts", "aria-rowcount"))).toBeGreaterThan(MANY / 3);
  const total = Number(await page.getAttribute("table.alerts", "aria-rowcount")) - 1;
  const facet = page.locator(".facet").filter({ hasText: "Warning" });
  expect(await facet.textContent()).toContain(total.toLocaleString("en-GB"));
  await page.locator("table.alerts tbody tr[tabindex='0']").focus();
  await page.keyboard.press("*");
  await page.keyboard.press("a");
  await page.waitForSelector("dialog[open]");
  expect(await page.textContent("dialog[open] h2")).toContain(`Acknowledge ${total.toLocaleString("en-GB")} alerts`);
  await page.keyboard.press("Escape");
  await page.context().close();
}, 120_000);
