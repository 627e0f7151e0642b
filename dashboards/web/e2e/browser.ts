/** Chromium as Debian ships it, and pages that remember everything that should not have happened in them. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from "playwright-core";

const ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What went wrong in a page: violations of the content policy, scripts that ran, errors. */
export interface Wrongs {
  policy: string[];
  ran: string[];
  errors: string[];
  /** Requests to anything but the server. */
  foreign: string[];
}

export async function launch(): Promise<Browser> {
  const executablePath = process.env["ISOBAR_CHROMIUM"] ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: ARGUMENTS });
}

const TYPES: Record<string, string> = { html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8" };

/** The page that lies in dist/ in place of the one in the binary, under the binary's headers: for work on the page. */
async function servePage(context: BrowserContext, origin: string): Promise<void> {
  const { headers } = await context.request.get(origin).then((answer) => ({ headers: answer.headers() }));
  await context.route((url) => url.origin === origin && !/^\/(api|-)\//.test(url.pathname) && url.pathname !== "/nowhere", async (route) => {
    const { pathname } = new URL(route.request().url());
    const name = pathname.startsWith("/assets/") ? pathname.slice(1) : "index.html";
    const kept = { "content-security-policy": headers["content-security-policy"] ?? "", "content-type": TYPES[name.split(".").pop() ?? ""] ?? "" };
    await route.fulfill({ headers: kept, body: readFileSync(`dist/${name}`) });
  });
}

/** A page in a context of its own. What the policy refuses and what runs through `alert` and its like is kept. */
export async function open(browser: Browser, origin: string, options: BrowserContextOptions = {}): Promise<{ page: Page; wrongs: Wrongs }> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "dark", locale: "en-GB", ...options });
  if (process.env["ISOBAR_PAGE"] === "dist") await servePage(context, origin);
  const page = await context.newPage();
  const wrongs: Wrongs = { policy: [], ran: [], errors: [], foreign: [] };
  await page.exposeFunction("__policy", (what: string) => wrongs.policy.push(what));
  await page.exposeFunction("__ran", (what: string) => wrongs.ran.push(what));
  await page.addInitScript(() => {
    const tell = window as unknown as { __policy(what: string): void; __ran(what: string): void };
    document.addEventListener("securitypolicyviolation", (event) => tell.__policy(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
    for (const name of ["alert", "confirm", "prompt", "print"] as const) Object.defineProperty(window, name, { value: (what: unknown) => tell.__ran(`${name}(${String(what)})`) });
  });
  page.on("pageerror", (error) => wrongs.errors.push(String(error)));
  page.on("console", (message) => {
    // A part that this server does not have yet answers 404, which the page says in its place.
    if (message.type() === "error" && !/status of (404|401|503)/.test(message.text())) wrongs.errors.push(message.text());
  });
  page.on("dialog", (dialog) => {
    wrongs.ran.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(origin) && !/^(data|about|blob):/.test(request.url())) wrongs.foreign.push(request.url());
  });
  context.on("page", (opened) => {
    if (opened !== page) wrongs.ran.push(`opened ${opened.url()}`);
  });
  return { page, wrongs };
}

/** Goes there and waits until nothing is being read any more. */
export async function visit(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await settle(page);
}

export async function settle(page: Page): Promise<void> {
  await page.waitForSelector("#main");
  await page.waitForFunction(() => document.querySelector("#main .loading") === null && document.querySelector(".spark-wait") === null, undefined, { timeout: 15_000 });
}

export interface Finding {
  id: string;
  impact: string;
  nodes: string[];
}

/** What axe finds that is serious or worse. It is evaluated in the page, beside its policy. */
export async function axe(page: Page): Promise<Finding[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe: tool } = window as unknown as { axe: { run(where: Document, options: object): Promise<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] }> } };
    const { violations } = await tool.run(document, { resultTypes: ["violations"] });
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.slice(0, 5).map((node) => `${node.html.slice(0, 200)} ${node.failureSummary}`) }));
  });
}
