/**
 * `npm run api [URL]`: takes the description of a running server into openapi.json, and makes src/api/schema.ts of it.
 * Without a URL it makes schema.ts of what lies here.
 */
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const FILE = "openapi.json";
const url = process.argv[2];
if (url) {
  const answer = await fetch(new URL("/api/isobar/openapi.json", url));
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  writeFileSync(FILE, await answer.text());
}
// Line by line, so that a change of the API is one that can be read.
writeFileSync(FILE, `${JSON.stringify(JSON.parse(readFileSync(FILE, "utf8")), null, 1)}\n`);
writeFileSync("src/api/schema.ts", `/** Made from openapi.json by npm run api. */\n${astToString(await openapiTS(readFileSync(FILE, "utf8")))}`);
