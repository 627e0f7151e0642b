import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { axe, launch, open, settle } from "./browser";
import { isobar, type Isobar } from "./server";

/** The page over the real server, with recorded proposals in place of its own: a decision here runs nothing anywhere. */
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

const HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

interface Sent {
  method: string;
  path: string;
  body: unknown;
}

async function proposalsPage(refuse: boolean): Promise<{ page: Page; sent: Sent[]; change: () => void }> {
  const { page } = await open(browser, server.url);
  const sent: Sent[] = [];
  let hash = HASH;
  let state = "proposed";
  const at = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString();
  const proposal = (): object => ({
    id: "p1", runbook: "checkout-failover", description: "Moves checkout to Azure", state, hash,
    alert: { id: "00000000000000aa", name: "HighCpu", severity: "critical", resource: "aws:1:us-east-1:compute.instance:i-0a1b", labels: {}, value: 1, starts_at: at(-8) },
    evidence: [{ kind: "policy", detail: "<img src=x onerror=alert(1)>", at: at(-8), verified: true }],
    target: { url: "https://ops.example/failover", method: "POST" }, reason: null, created_at: at(-2), expires_at: at(13),
    decided_by: null, decided_at: null, comment: null, delivery: null, attempts: 0, next_attempt_at: null, last_error: null, receipt: null,
  });
  const lever = { position: "propose", set_by: null as string | null, set_at: null as string | null, reason: null as string | null };
  await page.route("**/api/isobar/v1/{runbooks,lever}**", async (route) => {
    const request = route.request();
    const path = new URL(request.url()).pathname.replace("/api/isobar/v1/", "");
    const json = (body: unknown, status = 200): Promise<void> => route.fulfill({ status, contentType: "application/json", body: JSON.stringify(body) });
    if (request.method() === "GET") return json(path === "lever" ? lever : { items: [proposal()], total: 1, next: null });
    sent.push({ method: request.method(), path, body: request.postDataJSON() });
    if (refuse) return json({ code: "conflict", message: "the proposal expired at 03:19:00" }, 409);
    if (path === "lever") Object.assign(lever, request.postDataJSON(), { set_by: "token mei", set_at: at(0) });
    else state = path.endsWith("approve") ? "sent" : "denied";
    return json(path === "lever" ? lever : proposal());
  });
  await page.goto(`${server.url}/proposals`);
  await settle(page);
  await page.waitForSelector(".card.asks");
  return { page, sent, change: () => void (hash = HASH.replace("9", "8")) };
}

test("approving wants the resource's name typed, and sends the hash of what was seen", async () => {
  const { page, sent } = await proposalsPage(false);
  await page.click(".decide .primary");
  await page.waitForSelector("dialog[open]");
  expect(await axe(page)).toEqual([]);
  const confirm = page.locator("dialog[open] button[type=submit]");
  expect(await confirm.isDisabled()).toBe(true);
  await page.keyboard.press("Enter");
  await page.keyboard.type("I-0A1B");
  expect(await confirm.isDisabled()).toBe(true);
  await page.fill("dialog[open] input", "i-0a1b");
  await page.fill("dialog[open] textarea", "seen the dashboard");
  expect(sent).toEqual([]);
  await confirm.click();
  await page.waitForSelector("dialog[open]", { state: "detached" });
  expect(sent).toEqual([{ method: "POST", path: "runbooks/p1/approve", body: { hash: HASH, comment: "seen the dashboard" } }]);
  await page.waitForSelector(".card.asks", { state: "detached" });
  await page.context().close();
});

test("a refusal says its reason and nothing is taken for done", async () => {
  const { page, sent } = await proposalsPage(true);
  await page.click(".decide button:not(.primary)");
  await page.click("dialog[open] button[type=submit]");
  await page.waitForSelector("dialog[open] .wrong:not(:empty)");
  expect(await page.textContent("dialog[open] .wrong")).toContain("the proposal expired at 03:19:00");
  expect(sent).toMatchObject([{ path: "runbooks/p1/deny", body: { hash: HASH } }]);
  expect(await page.locator(".card.asks").count()).toBe(1);
  await page.context().close();
});

test("a proposal that changes under the reader is not decided", async () => {
  const { page, sent, change } = await proposalsPage(false);
  await page.click(".decide .primary");
  await page.fill("dialog[open] input", "i-0a1b");
  change();
  await page.waitForSelector("dialog[open] .wrong:not(:empty)", { timeout: 15_000 });
  expect(await page.locator("dialog[open] button[type=submit]").isDisabled()).toBe(true);
  expect(sent).toEqual([]);
  await page.context().close();
});

test("the lever moves only with a reason", async () => {
  const { page, sent } = await proposalsPage(false);
  await page.click(".lever [role=radio]:first-child");
  const confirm = page.locator("form.decide-form button[type=submit]");
  expect(await confirm.isDisabled()).toBe(true);
  await page.fill("form.decide-form input", "freeze of November");
  await confirm.click();
  await page.waitForSelector("form.decide-form", { state: "detached" });
  expect(sent).toEqual([{ method: "PUT", path: "lever", body: { position: "off", reason: "freeze of November" } }]);
  await page.context().close();
});
