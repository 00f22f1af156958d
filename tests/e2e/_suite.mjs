// A suite is a script: node tests/e2e/today.mjs. It opens Debian's Chromium on a running luyd, walks
// through the console once in Vietnamese and once in English, and writes TAP.
//   LUY_URL, LUY_ACCOUNT, LUY_PASSWORD   where and who (an administrator whose password is not a first one)
//   LUY_SHOTS                            a folder that keeps screenshots
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openBrowser } from "./_browser.mjs";
import { check, PATIENCE, Skip, Tap } from "./_tap.mjs";
import { pattern, textsOf } from "./_texts.mjs";

const { LUY_URL: url, LUY_ACCOUNT: account, LUY_PASSWORD: password, LUY_SHOTS: shots } = process.env;

/** The API as the suite's own administrator, over the browser's cookies. */
async function openApi(context) {
  const answer = await context.request.post("/api/v1/session", { data: { account, password } });
  if (!answer.ok()) throw new Error(`login of ${account}: ${answer.status()} ${await answer.text()}`);
  const { csrf, must_change } = await answer.json();
  check(!must_change, `${account} still has a first password`);
  return async (method, path, data, headers = {}) => {
    const r = await context.request.fetch(`/api/v1${path}`, { method, data, timeout: PATIENCE, headers: { "X-CSRF-Token": csrf, ...headers } });
    const text = await r.text();
    if (!r.ok()) throw new Error(`${method} ${path}: ${r.status()} ${text}`);
    return text ? JSON.parse(text) : null;
  };
}

/** What every open page showed when a test failed. */
async function keep(context, file) {
  for (const [i, page] of context.pages().entries()) await page.screenshot({ path: join(shots, `${file}-${i}.png`) }).catch(() => {});
}

function world(tap, name, lang, browser, api) {
  const t = textsOf(lang);
  return {
    lang,
    t,
    api,
    url,
    account,
    password,
    context: browser.context,
    /** Names that no earlier run used. */
    stamp: `${Date.now().toString(36)}${lang}`.toUpperCase(),
    like: (key) => pattern(t(key)),
    /** A page of the console in the language of the run. */
    open: async (path, context = browser.context) => {
      const page = await context.newPage();
      await page.addInitScript((l) => localStorage.setItem("luy.lang", l), lang);
      await page.goto(path);
      return page;
    },
    shot: async (page, file) => {
      if (shots) await page.screenshot({ path: join(shots, `${file}-${lang}.png`) });
    },
    test: (title, body) =>
      tap.test(`${lang} ${name}: ${title}`, async () => {
        try {
          await body();
          const wrongs = browser.takeWrongs();
          check(wrongs.length === 0, `the browser complained:\n${wrongs.join("\n")}`);
        } catch (e) {
          if (shots && !(e instanceof Skip)) await keep(browser.context, `failed-${name}-${lang}-${title.slice(0, 24).replace(/\W+/g, "-")}`);
          throw e;
        }
      }),
  };
}

export async function suite(name, run) {
  if (!url || !account || !password) {
    console.log("1..0 # SKIP LUY_URL, LUY_ACCOUNT and LUY_PASSWORD are not set");
    return;
  }
  if (shots) mkdirSync(shots, { recursive: true });
  const tap = new Tap();
  for (const lang of ["vi", "en"]) {
    const browser = await openBrowser(url, lang);
    try {
      await run(world(tap, name, lang, browser, await openApi(browser.context)));
    } catch (e) {
      await tap.test(`${lang} ${name}: the run itself`, () => {
        throw e;
      });
    } finally {
      await browser.close();
    }
  }
  tap.end();
  process.exitCode = tap.failed ? 1 : 0;
}
