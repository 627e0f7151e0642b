/**
 * The Isobar under test: the one at `ISOBAR_URL`; or the binary `ISOBAR_BIN`, started over a machine whose file systems
 * have names that try to run; or, for work on the page, the mock.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { hostile } from "./hostile";
import { storyConfig, tellMore, tellSilence, tellStory } from "./story";

export interface Isobar {
  url: string;
  /** Whether it is the real binary, started here over the hostile machine. */
  isOwn: boolean;
  isMock: boolean;
  /** Makes one more alert; null where the server is somebody else's. */
  more: (() => Promise<void>) | null;
  stop(): Promise<void>;
}

const PATIENCE_MS = 30_000;
const label = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

/** A node_exporter page: full file systems with hostile names on a machine with one. */
function metricsPage(more: number): string {
  const size: string[] = [];
  const avail: string[] = [];
  const names = [...hostile(), ...Array.from({ length: more }, (_, index) => `/more/${index}`)];
  names.forEach((text, index) => {
    const labels = `device="/dev/sd${index}",fstype="ext4",mountpoint="${label(text)}"`;
    size.push(`node_filesystem_size_bytes{${labels}} 100`);
    avail.push(`node_filesystem_avail_bytes{${labels}} ${index % 3 === 0 ? 1 : 8}`);
  });
  return [
    "# TYPE node_uname_info gauge",
    `node_uname_info{nodename="${label("<img src=x onerror=alert('nodename')>")}",sysname="Linux",machine="x86_64",release="6.1",domainname="(none)",version="1"} 1`,
    "# TYPE node_filesystem_size_bytes gauge",
    ...size,
    "# TYPE node_filesystem_avail_bytes gauge",
    ...avail,
    "",
  ].join("\n");
}

const POLICIES = `
policies:
  - name: "<script>alert('policy')</script> full"
    metric: system.filesystem.utilization
    over: 1s
    by: [resource_id, system_filesystem_mountpoint]
    levels: {warning: "> 85%", critical: "> 95%"}
    class: capacity
    labels: {team: "\\"><img src=x onerror=alert('label')>"}
    annotations:
      summary: "{{ labels.system_filesystem_mountpoint }} is {{ value | percent }} full"
      runbook_url: "javascript:alert('runbook')"
`;

function config(target: string, receiver: string): string {
  return `
security: {allow_private_targets: ["127.0.0.0/8"]}
sources:
  - {name: "lab", kind: prometheus, interval: 1s, settings: {targets: ["${target}/metrics"]}}
policies: [policies.yaml]
alerting:
  route: {receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
  receivers:
    - name: ops
      webhook_configs: [{url: "${receiver}/hook"}]
`;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (Date.now() < end) {
    if (await done().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} did not happen in ${PATIENCE_MS / 1000} s`);
}

async function startBinary(binary: string, isStory: boolean): Promise<Isobar> {
  const folder = mkdtempSync(join(tmpdir(), "isobar-web-"));
  let more = 0;
  const exporter = createServer((request, response) => {
    if (request.url === "/metrics") response.setHeader("content-type", "text/plain; version=0.0.4").end(isStory ? "# TYPE lab_up gauge\nlab_up 1\n" : metricsPage(more));
    else if (request.url === "/refuse") response.writeHead(400).end("not here");
    else response.end("ok");
  });
  const target = await listen(exporter);
  writeFileSync(join(folder, "isobar.yaml"), isStory ? storyConfig(target) : config(target, target));
  if (!isStory) writeFileSync(join(folder, "policies.yaml"), POLICIES);
  const child = spawn(binary, ["serve", "--config", "isobar.yaml", "--data-dir", "data", "--listen", "127.0.0.1:0"], { cwd: folder });
  let printed = "";
  const listening = new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      printed += chunk.toString();
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(printed.replaceAll(target, ""));
      if (found) resolve(found[0]);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("exit", (code) => reject(new Error(`isobar ended with ${code}: ${printed.slice(-2000)}`)));
    setTimeout(() => reject(new Error(`isobar says no address: ${printed.slice(-2000)}`)), PATIENCE_MS);
  });
  const url = await listening;
  await until("the server is ready", async () => (await fetch(`${url}/-/ready`)).ok);
  const wanted = isStory ? await tellStory(url) : hostile().length;
  await until("an alert for each name", async () => {
    const answer = (await (await fetch(`${url}/api/isobar/v1/alerts?limit=1`)).json()) as { total: number };
    return answer.total >= wanted;
  });
  if (isStory) await tellSilence(url);
  return {
    url,
    isOwn: !isStory,
    isMock: false,
    more: async () => {
      if (isStory) await tellMore(url);
      more += 1;
    },
    stop: async () => {
      await ended(child);
      exporter.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await gone;
}

async function startMock(more: number): Promise<Isobar> {
  const child = spawn(process.execPath, ["e2e/mock.mjs"], { env: { ...process.env, MOCK_MORE: `${more}` } });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString().trim()));
    child.once("exit", () => reject(new Error("the mock ended")));
  });
  return { url, isOwn: false, isMock: true, more: async () => void (await fetch(`${url}/api/isobar/v1/mock-new`)), stop: () => ended(child) };
}

/**
 * The server under test. With `story` it knows the story of story.ts and tests may change it: it is never somebody else's. With
 * `mock` it is the mock, which alone knows very much at once.
 */
export async function isobar({ mock = false, story = false, more = 400 }: { mock?: boolean; story?: boolean; more?: number } = {}): Promise<Isobar> {
  if (mock) return startMock(more);
  const url = process.env["ISOBAR_URL"];
  const binary = process.env["ISOBAR_BIN"];
  if (binary && story) return startBinary(binary, true);
  if (story) {
    process.stderr.write("ISOBAR_BIN is not set: testing the story against the mock\n");
    return startMock(more);
  }
  if (url) return { url: url.replace(/\/$/, ""), isOwn: false, isMock: false, more: null, stop: () => Promise.resolve() };
  if (binary) return startBinary(binary, false);
  process.stderr.write("neither ISOBAR_URL nor ISOBAR_BIN is set: testing against the mock\n");
  return startMock(more);
}
