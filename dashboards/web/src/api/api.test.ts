import { readFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";
import { describe, expect, test } from "vitest";

import { quoted } from "../shell/as-api";
import { stateAt } from "./live";
import { EventReader } from "./sse";

test("schema.ts is what openapi.json says: npm run api", async () => {
  const text = astToString(await openapiTS(readFileSync("openapi.json", "utf8")));
  expect(readFileSync("src/api/schema.ts", "utf8").replace(/^.*\n/, "")).toBe(text);
});

describe("server-sent events", () => {
  const told = "id: 7\nevent: alert\nretry: 3000\ndata: {\"a\":1}\n\n: still here\n\ndata: one\ndata: two\r\n\r\nid: 9\n\n";
  const expected = [
    { id: "7", event: "alert", data: '{"a":1}' },
    { id: "7", event: "message", data: "one\ntwo" },
  ];

  test("come whole however the bytes are cut", () => {
    for (let size = 1; size <= told.length; size++) {
      const reader = new EventReader();
      const events = [];
      for (let at = 0; at < told.length; at += size) events.push(...reader.push(told.slice(at, at + size)));
      expect(events, `in pieces of ${size}`).toEqual(expected);
      expect(reader.lastId).toBe("9");
      expect(reader.retry).toBe(3000);
    }
  });

  test("a line without end is given up", () => {
    const reader = new EventReader();
    expect(() => reader.push("x".repeat((1 << 20) + 1))).toThrow();
  });
});

test("a silent stream is late after 20 s and lost after a minute", () => {
  expect(stateAt(1000, null, 0, false)).toBe("connecting");
  expect(stateAt(30_000, 29_000, 0, true)).toBe("live");
  expect(stateAt(30_000, 9_000, 0, true)).toBe("late");
  expect(stateAt(90_000, 29_000, 0, true)).toBe("lost");
  expect(stateAt(90_000, null, 0, false)).toBe("lost");
});

test("addresses are quoted for a shell", () => {
  expect(quoted("http://x/?q=a'b$(id)")).toBe("'http://x/?q=a'\\''b$(id)'");
});
