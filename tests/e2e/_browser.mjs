// Debian's Chromium with a fresh profile, and pages that note what must never happen:
// an error on the console, an exception, a request that leaves for another origin.
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PATIENCE } from "./_tap.mjs";

const { chromium } = createRequire(new URL("../../web/package.json", import.meta.url))("playwright-core");

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

// Refusals that a test provokes on purpose; the browser prints each as an error of its own.
const BY_DESIGN = /status of (400|401|403|409|412|415|422|423)\b/;

export async function openBrowser(url, lang) {
  const profile = mkdtempSync(join(tmpdir(), "luy-e2e-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.LUY_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: ARGS,
    ignoreHTTPSErrors: true,
    viewport: { width: 1280, height: 800 },
    timezoneId: "Asia/Ho_Chi_Minh",
    locale: lang === "vi" ? "vi-VN" : "en-GB",
    baseURL: url,
    acceptDownloads: true,
  });
  context.setDefaultTimeout(PATIENCE);
  const origin = new URL(url).origin;
  const wrongs = [];
  context.on("request", (r) => {
    const u = r.url();
    if (!u.startsWith("data:") && !u.startsWith("blob:") && new URL(u).origin !== origin) wrongs.push(`request to ${u}`);
  });
  context.on("console", (m) => {
    if (m.type() === "error" && !BY_DESIGN.test(m.text())) wrongs.push(`console: ${m.text()} (${m.location().url})`);
    if (m.type() === "warning" && /^Warning:|\[antd/.test(m.text())) wrongs.push(`console: ${m.text()}`);
  });
  context.on("weberror", (e) => wrongs.push(`exception: ${e.error()}`));
  return {
    context,
    /** What went wrong since the last call. */
    takeWrongs: () => wrongs.splice(0),
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
