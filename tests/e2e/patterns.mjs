// Kinds of lines: counts by pattern, what changed since the day before, from a kind to its lines.
import { suite } from "./_suite.mjs";
import { becomes, check, holds } from "./_tap.mjs";
import { line, sendLines, until } from "./_wire.mjs";

const DAY = 86400000;

await suite("patterns", async (w) => {
  const page = await w.open("/search");
  const program = `mau-${w.lang}`;
  const row = (text) => page.locator(".patterns tbody tr").filter({ hasText: text });
  // Words without digits: these are what tells kinds apart.
  const stamp = w.stamp.replace(/\d/g, (d) => "abcdefghij"[Number(d)]).toLowerCase();
  const said = {
    more: (i) => `${stamp} open door ${i} of hall ${i * 7}`,
    same: (i) => `${stamp} pulse seq=${i}`,
    gone: (i) => `${stamp} backup done in ${i} s`,
    fresh: (i) => `${stamp} disk ${i} is failing`,
  };

  await w.test("lines are put together by kind, and stand beside the day before", async () => {
    const now = Date.now() - 60000;
    const some = (n, say, at) => Array.from({ length: n }, (_, i) => line(at + i * 100, "kho", program, say(i)));
    await sendLines([...some(9, said.more, now), ...some(4, said.same, now), ...some(2, said.fresh, now)]);
    await sendLines([...some(3, said.more, now - DAY), ...some(4, said.same, now - DAY), ...some(5, said.gone, now - DAY)]);
    await until(async () => (await w.api("GET", `/events?query=${stamp}%20since:-3d%20%7C%20count`)).total === 27, "the lines");
    await page.goto(`/search?q=${encodeURIComponent(`program:${program} ${stamp} since:-1h`)}&view=patterns`);
    await row("open door").waitFor();
    await becomes(() => page.locator(".patterns tbody tr.ant-table-row").count(), 4, "kinds");
    const text = async (what) => (await row(what).innerText()).replace(/\s+/g, " ");
    await holds(async () => /^9 \+6 \(\+200 %\)/.test(await text("open door")), () => text("open door"));
    await holds(async () => (await text("pulse")).startsWith(`4 ${w.t("patterns.same")}`), () => text("pulse"));
    await holds(async () => (await text("failing")).startsWith(`2 ${w.t("patterns.new")}`), () => text("failing"));
    await holds(async () => (await text("backup")).startsWith(`0 ${w.t("patterns.gone").replace("{n}", "5")}`), () => text("backup"));
    await holds(async () => (await row("open door").innerText()).includes("open door 8 of hall 56"), "no late example");
    await w.shot(page, "patterns");
  });

  await w.test("the largest changes come first when asked, and the address says so", async () => {
    await page.getByText(w.t("patterns.by_change"), { exact: true }).click();
    await page.waitForURL(/order=change/);
    await page.waitForFunction(() => document.querySelector(".patterns tbody tr.ant-table-row")?.textContent.includes("open door"));
    const order = await page.locator(".patterns tbody tr.ant-table-row").allInnerTexts();
    check(order[1].includes("backup") && order[3].includes("pulse"), order.join(" / "));
  });

  await w.test("a kind leads to its lines", async () => {
    await row("failing").getByRole("button").click();
    await page.waitForURL((u) => !u.searchParams.has("view") && u.searchParams.get("q").includes("is failing"));
    await page.waitForFunction(() => document.querySelectorAll("table.lines tbody tr").length === 2);
  });

  await w.test("the view is reached by keyboard from the lines", async () => {
    await page.goto(`/search?q=${encodeURIComponent(`${stamp} since:-1h`)}`);
    await page.locator("table.lines").waitFor();
    await page.getByRole("radio", { name: w.t("search.view_lines"), exact: true }).focus();
    await page.keyboard.press("ArrowRight");
    await page.waitForURL(/view=patterns/);
    await row("open door").waitFor();
  });

  await w.test("a query that does not parse says so", async () => {
    await page.goto(`/search?q=${encodeURIComponent("(")}&view=patterns`);
    await page.locator("#query-error .pointer").waitFor();
  });
});
