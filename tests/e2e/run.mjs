// Drives the console in a real browser against a running luyd. TAP on stdout.
//   LUY_URL=https://127.0.0.1:8443 LUY_ACCOUNT=admin LUY_PASSWORD=... node tests/e2e/run.mjs [suite ...]
// LUY_SHOTS=DIR keeps screenshots; LUY_NEW_PASSWORD is set when the first password must be changed.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openBrowser } from "./browser.mjs";
import { check, Tap } from "./tap.mjs";
import { pattern, textsOf } from "./texts.mjs";

const SUITES = ["login", "today", "search", "registry", "conflict", "import", "findings", "clauses", "duties", "system", "find", "look"];

const url = process.env.LUY_URL;
if (!url || !process.env.LUY_ACCOUNT || !process.env.LUY_PASSWORD) {
  console.log("1..0 # SKIP LUY_URL, LUY_ACCOUNT and LUY_PASSWORD are not set");
  process.exit(0);
}
const shots = process.env.LUY_SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

const wanted = process.argv.slice(2);
const tap = new Tap();
const browser = await openBrowser(url);
const shared = { account: process.env.LUY_ACCOUNT, password: process.env.LUY_PASSWORD, stamp: Date.now().toString(36).toUpperCase() };

function world(lang, suite) {
  const t = textsOf(lang);
  return {
    lang,
    t,
    shared,
    context: browser.context,
    like: (key) => pattern(t(key)),
    /** A page of the console in the language of the run. */
    open: async (path) => {
      const page = await browser.context.newPage();
      await page.addInitScript((l) => localStorage.setItem("luy.lang", l), lang);
      await page.goto(path);
      return page;
    },
    shot: async (page, name) => {
      if (shots) await page.screenshot({ path: join(shots, `${name}-${lang}.png`) });
    },
    test: (name, body) =>
      tap.test(`${lang} ${suite}: ${name}`, async () => {
        await body();
        const wrongs = browser.takeWrongs();
        check(wrongs.length === 0, `the browser complained:\n${wrongs.join("\n")}`);
      }),
  };
}

try {
  for (const lang of ["vi", "en"]) {
    for (const suite of SUITES) {
      // Everything else needs the login.
      if (wanted.length && suite !== "login" && !wanted.includes(suite)) continue;
      const { default: run } = await import(`./${suite}.mjs`);
      await run(world(lang, suite));
      for (const page of browser.context.pages().slice(1)) await page.close();
    }
  }
} catch (e) {
  await tap.test("the run itself", () => {
    throw e;
  });
} finally {
  await browser.close();
  tap.end();
}
process.exit(tap.failed ? 1 : 0);
