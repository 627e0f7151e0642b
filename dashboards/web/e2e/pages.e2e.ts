import { mkdirSync, readFileSync } from "node:fs";

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { axe, launch, open, settle, visit, type Wrongs } from "./browser";
import { isobar, type Isobar } from "./server";

const PAGES = ["/", "/alerts", "/alerts?group=name", "/incidents", "/incidents?id=i-0000000000000001", "/silences", "/routing", "/routing?view=receivers", "/routing?view=replay", "/explore", "/explore?expr=up&show=table", "/explore?mode=sql", "/resources", "/proposals", "/sources", "/sources?coverage=unmapped", "/nowhere"];
const NOTHING: Wrongs = { policy: [], ran: [], errors: [], foreign: [] };
const SHOTS = "e2e/shots";

let server: Isobar;
let browser: Browser;
beforeAll(async () => {
  server = await isobar();
  browser = await launch();
  mkdirSync(SHOTS, { recursive: true });
});
afterAll(async () => {
  await browser.close();
  await server.stop();
});

describe("every page", () => {
  test.each(PAGES)("%s loads under its policy, and axe finds nothing serious in dark and in light", async (path) => {
    // A page that is not there is answered by the server itself.
    const found = await fetch(server.url + path.split("?")[0]);
    if (path === "/nowhere") {
      expect(found.status).toBe(404);
      return;
    }
    expect(found.status).toBe(200);
    expect(found.headers.get("content-security-policy")).toContain("script-src 'self'; style-src 'self'");
    for (const colorScheme of ["dark", "light"] as const) {
      const { page, wrongs } = await open(browser, server.url, { colorScheme });
      await visit(page, server.url + path);
      expect(await page.locator("h1").count()).toBe(1);
      await page.screenshot({ path: `${SHOTS}/${path.replace(/\W+/g, "-")}${colorScheme}.png` });
      expect(await axe(page)).toEqual([]);
      expect(wrongs).toEqual(NOTHING);
      await page.context().close();
    }
  });

  test("has room on a phone: nothing is wider than the screen", async () => {
    for (const path of ["/", "/alerts", "/incidents", "/silences", "/routing", "/sources", "/proposals"]) {
      const { page } = await open(browser, server.url, { viewport: { width: 375, height: 812 } });
      await visit(page, server.url + path);
      await page.screenshot({ path: `${SHOTS}/phone${path.replace(/\W+/g, "-")}.png` });
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(width, path).toBeLessThanOrEqual(375);
      expect(await axe(page), path).toEqual([]);
      await page.context().close();
    }
  });
});

test("what opens over or beside a page is as good to read as the page", async () => {
  const list = async (path: string): Promise<{ items: { id: string; name: string }[] }> => (await (await fetch(`${server.url}/api/isobar/v1/${path}`)).json()) as never;
  const [alert] = (await list("alerts?limit=1")).items;
  const [source] = (await list("sources?limit=1")).items;
  for (const colorScheme of ["dark", "light"] as const) {
    const { page, wrongs } = await open(browser, server.url, { colorScheme });
    for (const [where, address] of [["alert", `/alerts?open=${alert?.id ?? ""}`], ["source", `/sources?open=${source?.name ?? ""}`]] as const) {
      await visit(page, server.url + address);
      await page.waitForSelector(".side [data-title]");
      await page.screenshot({ path: `${SHOTS}/open-${where}-${colorScheme}.png` });
      expect(await axe(page), where).toEqual([]);
    }
    for (const [what, keys] of [["palette", "Control+k"], ["help", "?"]] as const) {
      await page.keyboard.press(keys);
      await page.waitForSelector("dialog[open]");
      await page.screenshot({ path: `${SHOTS}/open-${what}-${colorScheme}.png` });
      expect(await axe(page), what).toEqual([]);
      await page.keyboard.press("Escape");
      await page.waitForSelector("dialog[open]", { state: "detached" });
    }
    for (const button of [".rail-settings", ".topbar .wide"]) {
      await page.click(button);
      await page.waitForSelector("dialog[open]");
      expect(await axe(page), button).toEqual([]);
      await page.keyboard.press("Escape");
      await page.waitForSelector("dialog[open]", { state: "detached" });
    }
    expect(wrongs).toEqual(NOTHING);
    await page.context().close();
  }
});

test("what is new waits until it is asked for", async (context) => {
  if (server.more === null) return context.skip();
  const { page } = await open(browser, server.url);
  await visit(page, `${server.url}/alerts?sort=since`);
  const first = (): Promise<string[]> => page.locator("table.alerts tbody tr[aria-rowindex] .c-where").allTextContents();
  const before = await first();
  await server.more();
  await page.waitForSelector(".held-bar", { timeout: 30_000 });
  expect(await first()).toEqual(before);
  await page.keyboard.press(".");
  await page.waitForSelector(".held-bar", { state: "detached" });
  expect(await page.locator("table.alerts").getAttribute("aria-rowcount")).not.toBe(String(before.length));
  await page.context().close();
});

test("the first view comes in time and in size", async () => {
  const { page } = await open(browser, server.url);
  let script = 0;
  let style = 0;
  page.on("response", (response) => {
    void response.request().sizes().then((sizes) => {
      if (response.url().endsWith(".js")) script += sizes.responseBodySize;
      if (response.url().endsWith(".css")) style += sizes.responseBodySize;
    }, () => undefined);
  });
  await visit(page, server.url);
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Infinity);
  await page.context().close();
  expect(script).toBeGreaterThan(0);
  const isServed = !server.isMock && process.env["ISOBAR_PAGE"] !== "dist";
  if (isServed) expect(script).toBeLessThanOrEqual(250 * 1024);
  if (isServed) expect(style).toBeLessThanOrEqual(20 * 1024);
  expect(paint).toBeLessThan(1000);
});

test("openapi.json is what the server says of itself: npm run api -- URL", async (context) => {
  if (server.isMock) return context.skip();
  const told: unknown = await (await fetch(`${server.url}/api/isobar/openapi.json`)).json();
  expect(JSON.parse(readFileSync("openapi.json", "utf8"))).toEqual(told);
});

test("the language is switched in Settings, and the address overrules it", async () => {
  const { page, wrongs } = await open(browser, server.url);
  await visit(page, server.url);
  expect(await page.getAttribute("html", "lang")).toBe("en");
  await page.click(".rail-settings");
  await page.click("text=简体中文");
  await page.keyboard.press("Escape");
  expect(await page.getAttribute("html", "lang")).toBe("zh-Hans");
  expect(await page.textContent(".crumb")).toContain("总览");
  expect(await axe(page)).toEqual([]);
  await page.reload();
  await settle(page);
  expect(await page.textContent(".crumb")).toContain("总览");
  await visit(page, `${server.url}/?lang=en`);
  expect(await page.textContent(".crumb")).toContain("Overview");
  expect(wrongs).toEqual(NOTHING);
  await page.context().close();
});

test("a server that wants a token is given one, and the stream carries it too", async () => {
  const { page, wrongs } = await open(browser, server.url);
  const wanted = "Bearer secret-of-this-test";
  const seen = new Set<string>();
  await page.route("**/api/**", async (route) => {
    if (route.request().headers()["authorization"] === wanted) {
      seen.add(new URL(route.request().url()).pathname);
      await route.continue({ headers: { ...route.request().headers(), authorization: "" } });
    } else await route.fulfill({ status: 401, contentType: "application/json", body: JSON.stringify({ code: "unauthorized", message: "send a token" }) });
  });
  await page.goto(server.url);
  await page.fill("input[type=password]", "wrong");
  await page.click("button[type=submit]");
  await page.waitForSelector(".wrong:not(:empty)");
  await page.fill("input[type=password]", "secret-of-this-test");
  await page.click("button[type=submit]");
  await settle(page);
  expect(await page.textContent(".crumb")).toContain("Overview");
  await expect.poll(() => seen.has("/api/isobar/v1/events")).toBe(true);
  expect(await page.evaluate(() => JSON.stringify({ ...localStorage }))).not.toContain("secret-of-this-test");
  expect(wrongs.policy).toEqual([]);
  await page.context().close();
});
