import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { launch, open, visit } from "./browser";
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

/** `ISOBAR_SHOT=docs/images/overview.png` and `ISOBAR_URL` of a running demo make the picture of the README. */
test("the overview says everything on one screen", async () => {
  const { page } = await open(browser, server.url);
  await visit(page, server.url);
  expect((await page.textContent("h1"))?.trim().length).toBeGreaterThan(0);
  // Incidents come first where there are any.
  expect(await page.locator("h2", { hasText: /(Alerts|Incidents) by severity/ }).count(), "what is wrong").toBe(1);
  for (const panel of ["What happens next", "Health by provider and region", "Delivery", "Collectors", "Cost of monitoring"]) {
    expect(await page.locator("h2", { hasText: panel }).count(), panel).toBe(1);
  }
  const shot = process.env["ISOBAR_SHOT"];
  if (shot) await page.screenshot({ path: shot });
  await page.context().close();
});
