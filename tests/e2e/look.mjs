// What every page owes its reader: contrast of AA in both themes, names on controls, no sideways scroll, a page that prints.
import { suite } from "./_suite.mjs";
import { check } from "./_tap.mjs";

const PAGES = ["/", "/search", "/search?view=patterns", "/flows?q=since:-1h", "/registry", "/registry/device", "/registry/device/new", "/admission", "/findings", "/clauses", "/duties", "/system"];

/** Runs in the page: texts whose colour is too near to their ground, and controls without a name. */
function inspect() {
  const rgba = (c) => (c.match(/[\d.]+/g) ?? []).map(Number);
  const over = (top, under) => {
    const a = top[3] ?? 1;
    return [0, 1, 2].map((i) => top[i] * a + under[i] * (1 - a));
  };
  const light = (c) => {
    const [r, g, b] = c.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (el) => {
    const stack = [];
    for (let e = el; e; e = e.parentElement) {
      const c = rgba(getComputedStyle(e).backgroundColor);
      if (c.length && (c[3] ?? 1) > 0) stack.push(c);
      if ((c[3] ?? 1) === 1 && c.length) break;
    }
    return stack.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const bad = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const el = walker.currentNode.parentElement;
    if (!text || !el || el.closest("[disabled], [aria-disabled=true], .ant-segmented-item-disabled, .ant-picker-cell:not(.ant-picker-cell-in-view), .sr, canvas")) continue;
    const style = getComputedStyle(el);
    const box = el.getBoundingClientRect();
    if (style.visibility !== "visible" || style.display === "none" || box.width < 2 || box.height < 2) continue;
    const under = ground(el);
    const a = light(over(rgba(style.color), under));
    const b = light(under);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) bad.add(`${ratio.toFixed(2)} "${text.slice(0, 30)}" .${el.className} ${style.color} on ${under.map(Math.round)}`);
  }
  const nameless = [...document.querySelectorAll("button, a[href], input:not([type=hidden]):not([type=file]), [role=combobox]")].filter((e) => {
    if (e.closest("[aria-hidden=true]") || !e.getClientRects().length || getComputedStyle(e).visibility === "hidden") return false;
    const labelled = e.querySelector("[aria-label]") || e.getAttribute("aria-label") || e.getAttribute("title") || e.getAttribute("placeholder") || e.textContent.trim();
    return !labelled && !(e.labels && e.labels.length) && !e.getAttribute("aria-labelledby");
  });
  return { bad: [...bad], nameless: nameless.map((e) => e.outerHTML.slice(0, 120)), wide: document.documentElement.scrollWidth - innerWidth };
}

await suite("look", async (w) => {
  for (const theme of ["light", "dark"]) {
    const page = await w.open("/");
    await page.evaluate((t) => localStorage.setItem("luy.theme", t), theme);
    for (const path of PAGES) {
      await w.test(`${path} is readable, ${theme}`, async () => {
        await page.goto(path);
        await page.locator("h1").waitFor();
        await page.locator(".page-wait, .ant-spin-spinning").first().waitFor({ state: "detached" });
        const seen = await page.evaluate(inspect);
        if (theme === "dark") await w.shot(page, `dark-${path.replaceAll(/[/?=:]/g, "_")}`);
        check(seen.bad.length === 0, `contrast:\n${seen.bad.join("\n")}`);
        check(seen.nameless.length === 0, `controls without a name:\n${seen.nameless.join("\n")}`);
        check(seen.wide <= 0, `${seen.wide} px too wide at 1280`);
      });
    }
    await page.evaluate(() => localStorage.setItem("luy.theme", "light"));
    await page.close();
  }
});
