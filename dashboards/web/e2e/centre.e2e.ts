import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { axe, launch, open, settle, visit } from "./browser";
import { isobar, type Isobar } from "./server";

/** What people do about alerts, and the pages of the alert centre, over the story that story.ts tells the real binary. */
let server: Isobar;
let browser: Browser;
beforeAll(async () => {
  server = await isobar({ story: true });
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
  await server.stop();
});

const api = async <T>(path: string): Promise<T> => (await (await fetch(`${server.url}/api/isobar/v1/${path}`)).json()) as T;
type Listed = { items: { id: string; name: string; acknowledged_by: string | null; assigned_to?: string; comments?: { text: string }[]; snoozed_until?: string }[] };
const rows = async (page: Page): Promise<void> => void (await page.waitForSelector("table.alerts tbody tr[aria-rowindex]"));

/** The ids of open incidents, in no order; at least so many. */
async function incidentIds(atLeast: number): Promise<string[]> {
  const ids = async (): Promise<string[]> => (await api<{ items: { id: string }[] }>("incidents?state=open&limit=1000")).items.map((one) => one.id);
  await expect.poll(async () => (await ids()).length).toBeGreaterThanOrEqual(atLeast);
  return ids();
}
const idIn = (page: Page): string | null => new URL(page.url()).searchParams.get("id");

describe("acts", () => {
  test("a selection is acknowledged by one key, its number stands on the button, and u takes it back", async () => {
    const { page, wrongs } = await open(browser, server.url);
    await visit(page, `${server.url}/alerts?q=%40name%3DHighCpu`);
    await rows(page);
    for (const key of ["j", "x", "j", "x"]) await page.keyboard.press(key);
    expect(await page.textContent(".act-bar button:has-text('Acknowledge')")).toContain("Acknowledge 2");
    expect(await axe(page)).toEqual([]);
    await page.keyboard.press("a");
    await page.waitForSelector(".toast");
    expect((await api<Listed>("alerts?limit=1000")).items.filter((one) => one.name === "HighCpu" && one.acknowledged_by !== null)).toHaveLength(2);
    expect(await axe(page)).toEqual([]);
    await page.keyboard.press("u");
    await expect.poll(async () => (await api<Listed>("alerts?limit=1000")).items.filter((one) => one.name === "HighCpu" && one.acknowledged_by !== null).length).toBe(0);
    await page.keyboard.press("Escape");
    await page.waitForSelector(".act-bar", { state: "detached" });
    expect(wrongs.errors).toEqual([]);
    await page.context().close();
  });

  test("all that match are acknowledged, and what somebody has stays theirs", async () => {
    const { page } = await open(browser, server.url);
    const taken = async (): Promise<number> => (await api<Listed>("alerts?limit=1000")).items.filter((one) => one.name === "HighCpu" && one.acknowledged_by !== null).length;
    await visit(page, `${server.url}/alerts?q=%40name%3DHighCpu`);
    await rows(page);
    await page.keyboard.press("j");
    await page.keyboard.press("a");
    await expect.poll(taken).toBe(1);
    await page.waitForSelector(".toast");
    await page.keyboard.press("*");
    await page.click(".act-bar button:has-text('Acknowledge 5')");
    await expect.poll(taken).toBe(6);
    await page.locator(".toast:has-text('5 alerts') button:has-text('Undo')").click();
    await expect.poll(taken).toBe(1);
    await page.locator(".toast:has-text('1 alert is') button:has-text('Undo')").click();
    await expect.poll(taken).toBe(0);
    await page.context().close();
  });

  test("all that match are assigned, and each goes back to whom it was", async () => {
    const { page } = await open(browser, server.url);
    await visit(page, `${server.url}/alerts?q=%40name%3DHighCpu`);
    await rows(page);
    await page.keyboard.press("*");
    await page.click(".act-bar button:has-text('Assign 6')");
    await page.fill("dialog[open] input", "li.wei");
    expect(await axe(page)).toEqual([]);
    await page.click("dialog[open] button[type=submit]");
    await expect.poll(async () => (await api<Listed>("alerts?limit=1000")).items.filter((one) => one.assigned_to === "li.wei").length).toBe(6);
    await page.click(".toast button:has-text('Undo')");
    await expect.poll(async () => (await api<Listed>("alerts?limit=1000")).items.filter((one) => one.assigned_to === "li.wei").length).toBe(0);
    await page.context().close();
  });

  test("a comment is written only when its ten seconds are over, and can be taken back until then", async () => {
    const { page } = await open(browser, server.url);
    await page.clock.install();
    await visit(page, `${server.url}/alerts?q=%40name%3DAgentSilent`);
    await rows(page);
    const comments = async (): Promise<string[]> => (await api<Listed>("alerts?limit=1000")).items.flatMap((one) => (one.comments ?? []).map((comment) => comment.text));
    const say = async (text: string): Promise<void> => {
      await page.keyboard.press("j");
      await page.keyboard.press("c");
      await page.fill("dialog[open] textarea", text);
      await page.click("dialog[open] button[type=submit]");
      await page.waitForSelector(".toast");
      await page.mouse.move(700, 300);
    };
    await say("never said");
    await page.click(".toast button:has-text('Undo')");
    await say("<img src=x onerror=alert(1)>");
    await page.mouse.move(700, 300);
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await page.clock.runFor(11_000);
    await expect.poll(comments).toEqual(["<img src=x onerror=alert(1)>"]);
    await page.context().close();
  });

  test("snoozing wants a length", async () => {
    const { page } = await open(browser, server.url);
    await visit(page, `${server.url}/alerts?q=%40name%3DDiskWillFill`);
    await rows(page);
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await page.click(".act-bar button:has-text('Snooze 1')");
    await page.fill("dialog[open] .spans input", "soon");
    expect(await page.locator("dialog[open] button[type=submit]").isDisabled()).toBe(true);
    await page.click("dialog[open] button:has-text('4 h')");
    await page.click("dialog[open] button[type=submit]");
    await page.waitForSelector(".tag:has-text('Snoozed')");
    await page.click(".toast button:has-text('Undo')");
    await page.waitForSelector(".tag:has-text('Snoozed')", { state: "detached" });
    await page.context().close();
  });
});

describe("silences", () => {
  test("one is made from an alert: pre-filled, counted while it is typed, with a reason, and undone", async () => {
    const { page, wrongs } = await open(browser, server.url);
    await visit(page, `${server.url}/alerts?q=%40name%3DHighCpu`);
    await rows(page);
    await page.keyboard.press("j");
    await page.keyboard.press("s");
    await page.waitForSelector("dialog[open] .matcher");
    const submit = page.locator("dialog[open] button[type=submit]");
    await page.waitForSelector("dialog[open] .preview b");
    expect(await submit.textContent()).toContain("Silence 1");
    expect(await submit.isDisabled()).toBe(true);
    await page.click("dialog[open] .matcher:nth-of-type(2) button");
    await expect.poll(() => submit.textContent()).toContain("Silence 6");
    expect(await page.textContent("dialog[open] .preview")).toContain("You chose 1; these matchers fit 6.");
    expect(await page.textContent("dialog[open] .preview")).toContain("Would have hidden, last 24 h");
    expect(await axe(page)).toEqual([]);
    await page.fill("dialog[open] textarea", "a rack is moved");
    await page.click("dialog[open] button:has-text('Until resolved')");
    await submit.click();
    await page.waitForSelector(".toast");
    const made = (await api<{ items: { comment: string; state: string; until_resolved: boolean }[] }>("silences")).items.find((one) => one.comment === "a rack is moved");
    expect(made).toMatchObject({ state: "active", until_resolved: true });
    await page.click(".toast button:has-text('Undo')");
    await expect.poll(async () => (await api<{ items: { comment: string; state: string }[] }>("silences")).items.find((one) => one.comment === "a rack is moved")?.state).toBe("expired");
    expect(wrongs.errors).toEqual([]);
    await page.context().close();
  });

  test("what would hide everything is not made, and an address fills the form", async () => {
    const { page } = await open(browser, server.url);
    await visit(page, `${server.url}/silences?new=${encodeURIComponent('alertname=~".*"')}`);
    await page.waitForSelector("dialog[open] .matcher");
    await page.fill("dialog[open] textarea", "x");
    expect(await page.textContent("dialog[open]")).toContain("This would hide everything");
    expect(await page.locator("dialog[open] button[type=submit]").isDisabled()).toBe(true);
    await page.context().close();
  });

  test("standing ones are listed with what they hide, and expire", async () => {
    const { page } = await open(browser, server.url);
    await visit(page, `${server.url}/silences`);
    const first = page.locator(".silences > li").filter({ hasText: "quota is being raised" });
    expect(await first.textContent()).toContain("hides 1");
    await first.locator("button:has-text('Expire')").click();
    await first.waitFor({ state: "detached" });
    await page.click(".toast button:has-text('Undo')");
    await page.waitForSelector(".silences > li:has-text('quota is being raised')");
    await page.context().close();
  });
});

describe("incidents", () => {
  test("one is taken by a key, looked at as it was, split, and the split undone", async () => {
    const { page, wrongs } = await open(browser, server.url);
    await visit(page, `${server.url}/incidents`);
    await page.keyboard.press("j");
    await page.keyboard.press("a");
    await page.waitForSelector(".toast");
    await page.keyboard.press("u");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".timeline");
    const first = idIn(page);
    // Handed back, which the page hears of in a moment.
    await expect.poll(() => page.textContent("h1")).toContain("Open");
    const title = (await page.textContent("h1")) ?? "";
    expect(await incidentIds(2)).toContain(first);
    const all = await page.locator(".events > li").count();
    await page.focus(".timeline input[type=range]");
    await page.keyboard.press("Home");
    await page.waitForSelector(".replay-banner");
    expect(await page.locator(".events > li").count()).toBeLessThan(all);
    expect(await page.locator(".events > li").count()).toBeGreaterThan(0);
    expect(await page.locator(".incident-acts").count()).toBe(0);
    expect(await axe(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await page.waitForSelector(".replay-banner", { state: "detached" });
    await page.click(".members li:nth-child(2) input");
    await page.click("button:has-text('Split off 1')");
    await expect.poll(() => idIn(page)).not.toBe(first);
    await page.waitForSelector(".members li");
    expect(await page.locator(".members li").count()).toBe(1);
    await page.click(".toast button:has-text('Undo')");
    await expect.poll(() => idIn(page)).toBe(first);
    await page.waitForSelector(".timeline");
    await expect.poll(() => page.textContent("h1")).toBe(title);
    expect(wrongs.errors).toEqual([]);
    await page.context().close();
  });

  test("its alerts are a list of their own, its why and its messages stand beside it", async () => {
    const { page, wrongs } = await open(browser, server.url);
    await visit(page, `${server.url}/alerts?q=%40name%3DHighCpu`);
    await rows(page);
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    const id = (await page.getAttribute(".side a[href*='/incidents?']", "href")) ?? "";
    await visit(page, server.url + id);
    await page.waitForSelector(".timeline");
    expect(await page.locator(".members li:has-text('HighCpu')").count()).toBeGreaterThan(1);
    await page.waitForSelector("[data-why] li");
    await expect.poll(() => page.locator(".receipts li").count()).toBeGreaterThan(0);
    await page.click(".panel header a[href^='/alerts?q=']");
    await rows(page);
    expect(new URL(page.url()).searchParams.get("q")).toMatch(/^@incident=/);
    const names = await page.locator("table.alerts tbody tr[aria-rowindex] .c-what").allTextContents();
    expect(names.length).toBeGreaterThan(1);
    expect(wrongs.errors).toEqual([]);
    await page.context().close();
  });

  test("two become one only after it was said which stays", async () => {
    const { page } = await open(browser, server.url);
    await visit(page, `${server.url}/incidents`);
    const before = await incidentIds(2);
    await page.locator(".incident > input").nth(0).check();
    await page.locator(".incident > input").nth(1).check();
    await page.keyboard.press("m");
    await page.waitForSelector("dialog[open]");
    expect(await axe(page)).toEqual([]);
    await page.click("dialog[open] button[type=submit]");
    await page.waitForSelector(".timeline");
    expect(before).toContain(idIn(page));
    await expect.poll(async () => (await api<{ items: unknown[] }>("incidents?state=open&limit=1000")).items.length).toBe(before.length - 1);
    await page.context().close();
  });
});

describe("routing", () => {
  test("who would get it, what a change moves, a test message, a replay", async () => {
    const { page, wrongs } = await open(browser, server.url);
    await visit(page, `${server.url}/routing`);
    await page.fill("textarea", 'team="data"');
    await page.waitForSelector("text=data would get it, by 1 route.");
    expect(new URL(page.url()).searchParams.get("labels")).toBe('team="data"');
    await page.click(".tabs button:has-text('Receivers')");
    await page.locator(".panel").filter({ hasText: "itsm" }).locator("button:has-text('Send a test')").click();
    await page.waitForSelector("text=Not taken:");
    expect(await axe(page)).toEqual([]);
    await page.click(".tabs button:has-text('Try a change')");
    await page.waitForSelector("textarea");
    if (!server.isMock) {
      // What is shown is what runs, our own keys too: posted back as it is, it changes nothing.
      expect(await page.inputValue("textarea")).toContain("rate_limit");
      await page.click("button[type=submit]");
      await page.waitForSelector(".panel-body[aria-live]");
      expect(await page.locator(".moved > li").count()).toBe(0);
    }
    await page.fill("textarea", "nonsense: 1");
    await page.click("button[type=submit]");
    await page.waitForSelector("p.wrong.prewrap:has-text('route')");
    await page.fill("textarea", "{route: {receiver: data}, receivers: [{name: data}]}");
    await page.click("button[type=submit]");
    await page.waitForSelector(".moved ins:has-text('data')");
    expect(await axe(page)).toEqual([]);
    await page.click(".tabs button:has-text('Replay')");
    await page.click("button[type=submit]");
    await page.waitForSelector("text=Nothing differs.");
    await page.check("label:has-text('Other silences') input");
    await page.fill("textarea[placeholder]", 'team="nobody"');
    await page.fill("textarea >> nth=0", "{route: {receiver: data}, receivers: [{name: data}]}");
    await page.click("button[type=submit]");
    await page.waitForSelector("summary:has-text('told only then')");
    expect(await axe(page)).toEqual([]);
    expect(wrongs.errors.filter((error) => !error.includes("400"))).toEqual([]);
    await page.context().close();
  });
});

test("every page of the centre speaks Chinese and is as good to read in it", async () => {
  const { page } = await open(browser, server.url);
  const [incident = ""] = await incidentIds(1);
  for (const path of ["/incidents", `/incidents?id=${incident}`, "/silences", "/silences?new=1", "/routing", "/routing?view=receivers", "/routing?view=preview", "/routing?view=replay"]) {
    await visit(page, `${server.url}${path}${path.includes("?") ? "&" : "?"}lang=zh`);
    const words = (await page.locator("#main :is(h1, h2, button, legend, label)").allTextContents()).join(" ");
    expect(words, path).toMatch(/[\u4e00-\u9fff]/);
    expect(await axe(page), path).toEqual([]);
  }
  await page.context().close();
});

test("on a phone an alert is acknowledged and silenced with nothing beyond the screen", async () => {
  const { page } = await open(browser, server.url, { viewport: { width: 375, height: 812 } });
  const [first] = (await api<Listed>("alerts?limit=1&q=highcpu")).items;
  const [incident = ""] = await incidentIds(1);
  for (const path of ["/incidents", `/incidents?id=${incident}`, "/silences", "/silences?new=1", "/routing", "/routing?view=receivers", "/routing?view=replay", `/alerts?open=${first?.id ?? ""}`]) {
    await visit(page, server.url + path);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), path).toBeLessThanOrEqual(375);
    expect(await axe(page), path).toEqual([]);
  }
  await page.click(".side .act-bar button:has-text('Acknowledge')");
  await page.waitForSelector(".toast");
  await page.click(".toast button:has-text('Undo')");
  await page.context().close();
});

test("which empty it is: the filter hides, no source, a silent source, quiet", async () => {
  const cases: [string, object[], object[], RegExp][] = [
    ["?q=nothing-has-this", [{ state: "firing" }], [{ state: "up" }], /Your filter hides 1 alert/],
    ["", [], [], /No source is connected/],
    ["", [], [{ state: "down", last_success: new Date().toISOString() }], /No source has reported since/],
    ["", [], [{ state: "up" }], /All quiet/],
  ];
  const [sample] = (await api<{ items: object[] }>("alerts?limit=1")).items;
  const [source] = (await api<{ items: object[] }>("sources?limit=1")).items;
  for (const [search, alerts, sources, expected] of cases) {
    const { page } = await open(browser, server.url);
    const answer = (items: object[]) => ({ contentType: "application/json", body: JSON.stringify({ items, total: items.length, next: null }) });
    await page.route("**/api/isobar/v1/alerts?*", (route) => route.fulfill(answer(alerts.map((over) => ({ ...sample, ...over })))));
    await page.route("**/api/isobar/v1/sources?*", (route) => route.fulfill(answer(sources.map((over) => ({ ...source, ...over })))));
    await visit(page, `${server.url}/alerts${search}`);
    await page.waitForSelector(".empty");
    expect(await page.textContent(".empty")).toMatch(expected);
    await page.context().close();
  }
});

test("a new critical alert is said aloud", async () => {
  const { page } = await open(browser, server.url);
  await visit(page, server.url);
  await server.more?.();
  await expect.poll(() => page.textContent('[aria-live="assertive"]'), { timeout: 15_000 }).toContain("1 new critical alert");
  await settle(page);
  await page.context().close();
});
