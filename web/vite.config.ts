import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// `npm run dev` passes the API through to a running luyd (LUY_URL).
const target = process.env.LUY_URL ?? "https://127.0.0.1:8443";

// luyd sends name.gz to whoever takes gzip; it compresses nothing itself.
function gzipBeside(): Plugin {
  const walk = (dir: string): string[] =>
    readdirSync(dir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? walk(join(dir, e.name)) : [join(dir, e.name)]));
  return {
    name: "gzip-beside",
    apply: "build",
    closeBundle() {
      for (const file of walk("dist").filter((f) => /\.(js|css|html|svg)$/.test(f))) {
        writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), gzipBeside()],
  server: { proxy: { "/api": { target, secure: false, changeOrigin: true } } },
  build: {
    target: "es2020",
    // The content security policy has no data: source for scripts or fonts.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
    rollupOptions: {
      output: {
        manualChunks(id: string) {
          if (/node_modules\/(react|react-dom|scheduler|react-router|react-router-dom|@remix-run)\//.test(id)) return "react";
          if (/node_modules\/(echarts|zrender)\//.test(id)) return "chart";
          return undefined;
        },
      },
    },
  },
});
