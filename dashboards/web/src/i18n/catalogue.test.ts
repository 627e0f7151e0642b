import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { en } from "./en";
import { format, namesOf } from "./message";
import { catalogues, speaker, type Key } from "./text";
import { zh } from "./zh";

const keys = Object.keys(en) as Key[];
const source = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return source(path);
    return /\.tsx?$/.test(entry.name) && !/\.test\.|[/\\](en|zh|schema)\.ts$/.test(path) ? [readFileSync(path, "utf8")] : [];
  });

describe("catalogues", () => {
  test("have the same keys", () => {
    expect(Object.keys(zh).sort()).toEqual([...keys].sort());
  });

  test("take the same values in both languages and leave none open", () => {
    for (const key of keys) {
      const names = namesOf(en[key]);
      expect([...namesOf(zh[key])].sort(), key).toEqual([...names].sort());
      const params = Object.fromEntries([...names].map((name) => [name, 3]));
      for (const language of ["en", "zh"] as const) expect(format(catalogues[language][key], params, language), key).not.toMatch(/[{}]/);
    }
  });

  test("Chinese is Chinese", () => {
    // Names, signs and examples are the same in every language.
    const same = keys.filter((key) => zh[key] === en[key]);
    expect(same).toEqual(["app.name", "zone.utc", "who.example", "replay.silencesExample", "card.decided"]);
  });

  test("every key is used", () => {
    const text = source("src").join("\n");
    const prefixes = [...text.matchAll(/t(?:\.word)?\((?:`([\w.]+)\.\$\{|"([\w.]+)", )/g)].map((match) => `${match[1] ?? match[2] ?? ""}.`);
    const unused = keys.filter((key) => !text.includes(`"${key}"`) && !prefixes.some((prefix) => key.startsWith(prefix)));
    expect(unused.filter((key) => !/^(field|view|filter\.error|coverage|range|explore|mark|entry|lane|key|act)\./.test(key))).toEqual([]);
  });
});

describe("messages", () => {
  test("plurals choose, # counts, values are put in", () => {
    const message = "{n, plural, =0 {none of {what}} one {# {what}} other {# {what}s}}";
    expect(format(message, { n: 0, what: "row" }, "en")).toBe("none of row");
    expect(format(message, { n: 1, what: "row" }, "en")).toBe("1 row");
    expect(format(message, { n: 1904, what: "row" }, "en")).toBe("1,904 rows");
    expect(format(message, { n: 1, what: "row" }, "zh")).toBe("1 rows");
  });

  test("what is put in is not read again", () => {
    expect(format("{what}", { what: "{n, plural, one {x}} <b>" }, "en")).toBe("{n, plural, one {x}} <b>");
  });

  test.each(["{n, plural, one {x}}", "a } b", "{n, select, a {b}}", "{open"])("%s is refused", (message) => {
    expect(() => format(message, { n: 1 }, "en")).toThrow();
  });

  test("words the catalogue does not have stay as they are", () => {
    expect(speaker("zh").word("stage", "route")).toBe("路由");
    expect(speaker("zh").word("stage", "teleport")).toBe("teleport");
    expect(speaker("en").word("stage", "constructor")).toBe("constructor");
  });
});
