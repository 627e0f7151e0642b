import { gzipSync } from "node:zlib";

import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Puts a gzipped twin beside every text file, so that the server compresses nothing while it serves. */
function gzipped(): Plugin {
  return {
    name: "gzipped",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        for (const [fileName, file] of Object.entries(bundle)) {
          if (!/\.(js|css|html|svg)$/.test(fileName)) continue;
          const text = file.type === "chunk" ? file.code : file.source;
          this.emitFile({ type: "asset", fileName: `${fileName}.gz`, source: gzipSync(text, { level: 9 }) });
        }
      },
    },
  };
}

/** Where `npm run dev` finds an Isobar: a real one, or `e2e/mock.ts`. */
const target = process.env["ISOBAR_URL"] ?? "http://127.0.0.1:9797";

export default defineConfig({
  plugins: [react(), gzipped()],
  // The policy of the server forbids inline code and data: addresses for scripts and styles.
  build: { assetsInlineLimit: 0, cssCodeSplit: true, modulePreload: { polyfill: false }, target: "es2022" },
  server: { proxy: { "/api": { target, changeOrigin: true }, "/-": { target, changeOrigin: true } } },
});
