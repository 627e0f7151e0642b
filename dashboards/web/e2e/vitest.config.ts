import { defineConfig } from "vitest/config";

/** One browser, one server, one file after the other: two cores are shared with the server under test. */
export default defineConfig({
  test: { include: ["e2e/**/*.e2e.ts"], fileParallelism: false, testTimeout: 60_000, hookTimeout: 60_000 },
});
