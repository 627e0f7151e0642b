import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { launch, open, settle, visit, type Wrongs } from "./browser";
import { hostile } from "./hostile";
import { isobar, type Isobar } from "./server";

const NOTHING: Wrongs = { policy: [], ran: [], errors: [], foreign: [] };
const VERBS = /^(script|iframe|object|embed|base|form|style|meta|math|link)$/;

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

/** Every element of the page that the page itself never makes. */
const strangers = (pattern: string): string[] =>
  [...document.querySelectorAll("body *")]
    // The page's own forms send nowhere.
    .filter((element) => !element.matches("form.decide-form:not([action])"))
    .filter((element) => new RegExp(pattern).test(element.tagName.toLowerCase()) || [...element.attributes].some((attribute) => attribute.name.startsWith("on") || /^\s*javascript:/i.test(attribute.value)))
    .map((element) => element.outerHTML.slice(0, 120));

test("two hundred names that try to run are text wherever they are shown", async (context) => {
  if (!server.isOwn) {
    process.stderr.write("skipped: hostile names need ISOBAR_BIN, a binary that this test starts\n");
    context.skip();
  }
  expect(hostile().length).toBeGreaterThanOrEqual(200);
  const answer = (await (await fetch(`${server.url}/api/isobar/v1/alerts?limit=1000`)).json()) as { items: { id: string; resource: string; labels: Record<string, string> }[] };
  const carried = new Set(answer.items.map((item) => item.labels["system_filesystem_mountpoint"]));
  expect(hostile().filter((text) => !carried.has(text))).toEqual([]);
  const { page, wrongs } = await open(browser, server.url);
  const check = async (where: string): Promise<void> => {
    expect(await page.evaluate(strangers, VERBS.source), where).toEqual([]);
    expect(wrongs, where).toEqual(NOTHING);
  };

  await visit(page, server.url);
  await check("overview");
  await visit(page, `${server.url}/alerts?group=system_filesystem_mountpoint`);
  for (let seen = 0; seen < 60; seen++) {
    await check(`alerts, screen ${seen}`);
    const more = await page.evaluate(() => {
      const box = document.querySelector(".table-box");
      if (!box) return false;
      const before = box.scrollTop;
      box.scrollTop += box.clientHeight;
      return box.scrollTop > before;
    });
    if (!more) break;
    await page.waitForTimeout(30);
  }
  const resource = answer.items[0]?.resource ?? "";
  await visit(page, `${server.url}/resources?id=${encodeURIComponent(resource)}`);
  await check("resource");
  await visit(page, `${server.url}/explore?expr=${encodeURIComponent("node_filesystem_avail_bytes")}`);
  await check("chart");
  await visit(page, `${server.url}/explore?show=table&expr=${encodeURIComponent("node_filesystem_avail_bytes")}`);
  await check("table");
  await visit(page, `${server.url}/explore?mode=sql&sql=${encodeURIComponent("SELECT name, labels FROM metrics LIMIT 300")}`);
  await check("rows");
  // A silence for hostile labels: they stand in its form.
  await visit(page, `${server.url}/alerts`);
  await page.waitForSelector("table.alerts tbody tr[aria-rowindex]");
  for (const key of ["j", "x", "s"]) await page.keyboard.press(key);
  await page.waitForSelector("dialog[open] .matcher");
  await check("silence form");
  await visit(page, `${server.url}/sources?open=lab`);
  await check("source");

  // One alert beside the list for each of them; the address itself carries the text as a filter.
  await visit(page, `${server.url}/alerts`);
  for (const item of answer.items) {
    const name = item.labels["system_filesystem_mountpoint"] ?? "";
    const place = `/alerts?open=${item.id}&q=${encodeURIComponent(name)}`;
    await page.evaluate((address) => {
      history.pushState(null, "", address);
      window.dispatchEvent(new PopStateEvent("popstate"));
    }, place);
    await page.waitForFunction((id) => new URL(location.href).searchParams.get("open") === id && document.querySelector(".side [data-title]"), item.id);
    await check(name);
  }
  await settle(page);
  await page.context().close();
}, 300_000);

test("addresses that try to run are text", async () => {
  const { page, wrongs } = await open(browser, server.url);
  for (const text of hostile().slice(0, 40)) {
    const q = encodeURIComponent(text);
    for (const path of [`/alerts?q=${q}&group=${q}&view=${q}&open=${q}`, `/resources?id=${q}`, `/sources?open=${q}`, `/proposals?open=${q}`, `/incidents?q=${q}&view=${q}`, `/incidents?id=${q}&at=${q}&why=${q}`, `/silences?new=${q}&q=${q}&open=${q}`, `/routing?labels=${q}&view=${q}`]) {
      await page.goto(server.url + path);
      await page.waitForSelector("#main");
      expect(await page.evaluate(strangers, VERBS.source), path).toEqual([]);
    }
  }
  expect(wrongs.ran).toEqual([]);
  expect(wrongs.policy).toEqual([]);
  expect(wrongs.foreign).toEqual([]);
  await page.context().close();
}, 300_000);
