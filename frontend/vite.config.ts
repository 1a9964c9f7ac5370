import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const api = process.env.MAYE_API_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  // Inlined files would be data: URLs, which the content security policy refuses outside <img>.
  build: { assetsInlineLimit: 0, target: "es2022", sourcemap: false, modulePreload: { polyfill: false } },
  server: { proxy: { "^/(api|docs)/": { target: api, changeOrigin: false } } },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
