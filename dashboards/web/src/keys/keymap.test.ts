import { describe, expect, test } from "vitest";

import { KEYS, read } from "./keymap";

const press = (key: string, more: { ctrl?: boolean; alt?: boolean } = {}): { key: string; ctrl: boolean; alt: boolean } => ({ key, ctrl: false, alt: false, ...more });

describe("keys", () => {
  test("every key of the table is read as what the table says", () => {
    for (const { id, keys } of KEYS) {
      for (const key of keys) {
        const parts = key.split(" ");
        const last = parts[parts.length - 1] ?? "";
        // Enter belongs to what has the focus.
        if (key === "Enter") continue;
        const prefix = parts[0] === "g" && parts.length === 2 ? read(null, press("g"), false, true).prefix : null;
        expect(read(prefix, press(last, { ctrl: parts[0] === "Ctrl" }), false, true).id, key).toBe(id);
      }
    }
  });

  test("no key is given twice", () => {
    const all = KEYS.flatMap((key) => key.keys as readonly string[]);
    expect(new Set(all).size).toBe(all.length);
  });

  test("single keys rest in text and when they are switched off; Ctrl and Esc do not", () => {
    expect(read(null, press("j"), true, true).id).toBeNull();
    expect(read(null, press("j"), false, false).id).toBeNull();
    expect(read(null, press("k", { ctrl: true }), true, false).id).toBe("palette");
    expect(read(null, press("Escape"), true, false).id).toBe("close");
    expect(read(null, press("j", { alt: true }), false, true).id).toBeNull();
  });

  test("the second key of a pair counts once", () => {
    const opened = read(null, press("g"), false, true);
    const done = read(opened.prefix, press("s"), false, true);
    expect(done).toEqual({ id: "sources", prefix: null });
    expect(read(done.prefix, press("s"), false, true).id).toBe("silence");
  });

  test("no key approves or denies", () => {
    expect(KEYS.filter(({ id }) => /approve|deny|abort/.test(id))).toEqual([]);
  });
});
