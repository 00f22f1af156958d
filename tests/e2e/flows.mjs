// The flow explorer: sums, tops, a chart over time, drill down by click; over real NetFlow packets.
import { suite } from "./_suite.mjs";
import { becomes, holds } from "./_tap.mjs";
import { sendFlows, until } from "./_wire.mjs";

await suite("flows", async (w) => {
  const page = await w.open("/flows");
  // A network of its own for each run, so that sums are known.
  const net = `10.${w.lang === "vi" ? 77 : 78}.${Math.floor(Math.random() * 250)}`;
  const panel = (key) => page.locator(".panel").filter({ has: page.getByRole("heading", { name: w.t(key), exact: true }) });
  const items = async (key) => (await panel(key).locator(".tops li").allInnerTexts()).map((x) => x.replace(/\s+/g, " ").trim());

  await w.test("flows are summed and ranked", async () => {
    await sendFlows([
      { src: `${net}.1`, dst: "192.0.2.10", dstPort: 443, bytes: 600 * 1024, packets: 10, ago: 60000 },
      { src: `${net}.1`, dst: "192.0.2.11", dstPort: 443, bytes: 100 * 1024, packets: 90, ago: 600000 },
      { src: `${net}.2`, dst: "192.0.2.10", dstPort: 53, proto: 17, bytes: 200 * 1024, packets: 20, ago: 1200000 },
      { src: `${net}.3`, dst: "192.0.2.10", dstPort: 53, proto: 17, bytes: 100 * 1024, packets: 1, ago: 60000 },
    ]);
    await until(async () => Number((await w.api("GET", `/query?query=${encodeURIComponent(`from:flows src:${net}.0/24 | count`)}`)).rows[0]?.[0]) === 4, "four flows");
    await page.goto(`/flows?q=${encodeURIComponent(`src:${net}.0/24 since:-1h`)}`);
    await panel("flows.talkers").locator(".tops li").nth(2).waitFor();
    await becomes(async () => (await items("flows.talkers"))[0].replace(",", "."), `${net}.1 700 KiB 70 %`, "the first sender");
    await panel("flows.pairs").locator(".tops li").nth(3).waitFor();
    await holds(async () => (await items("flows.pairs"))[0].startsWith(`${net}.1 → 192.0.2.10 600 KiB`), async () => (await items("flows.pairs"))[0]);
    await panel("flows.ports").locator(".tops li").nth(1).waitFor();
    await holds(async () => (await items("flows.ports"))[0].startsWith("tcp 443 700 KiB"), async () => (await items("flows.ports"))[0]);
    await page.getByText(w.like("flows.sum")).waitFor();
    await page.locator(".chart canvas").waitFor();
    await becomes(() => panel("flows.newest").locator("tbody tr.ant-table-row").count(), 4, "single flows");
    await w.shot(page, "flows");
  });

  await w.test("another measure is another order", async () => {
    await page.locator(".ant-segmented-item").filter({ hasText: w.t("flows.by_packets") }).click();
    await page.waitForURL(/by=packets/);
    await page.waitForFunction((first) => document.querySelectorAll(".tops")[2]?.querySelector("li")?.textContent.startsWith(first), `${net}.1 → 192.0.2.11`);
    await page.locator(".ant-segmented-item").filter({ hasText: w.t("flows.by_flows") }).click();
    await page.waitForFunction((first) => document.querySelectorAll(".tops")[1]?.querySelector("li")?.textContent.startsWith(first), "192.0.2.103");
  });

  await w.test("a click keeps one pair, and the address is the query", async () => {
    await panel("flows.pairs").getByRole("button", { name: `${net}.2 → 192.0.2.10` }).click();
    await page.waitForURL((u) => u.searchParams.get("q") === `src:${net}.0/24 src:${net}.2 dst:192.0.2.10 since:-1h`);
    await page.waitForFunction(() => document.querySelectorAll(".tops li").length === 4);
    await w.shot(page, "flows-pair");
  });

  await w.test("a drag across the chart narrows the time range", async () => {
    await page.goto(`/flows?q=${encodeURIComponent(`src:${net}.0/24 since:-1h`)}`);
    const chart = page.locator(".chart canvas").first();
    await chart.waitFor();
    await panel("flows.newest").locator("tbody tr.ant-table-row").first().waitFor();
    const at = await chart.boundingBox();
    await page.mouse.move(at.x + at.width * 0.5, at.y + 50);
    await page.mouse.down();
    await page.mouse.move(at.x + at.width * 0.6, at.y + 50, { steps: 5 });
    await page.mouse.move(at.x + at.width * 0.7, at.y + 50, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/since%3A20.*until%3A20/);
  });

  await w.test("a mistake is marked at its character, counted in what was typed", async () => {
    const box = page.getByRole("combobox", { name: w.t("search.query"), exact: true });
    await box.fill("nosuch:1");
    await page.keyboard.press("Enter");
    await page.locator("#query-error").waitFor();
    await w.shot(page, "flows-error");
  });

  await w.test("completions are fields of flows", async () => {
    const box = page.getByRole("combobox", { name: w.t("search.query"), exact: true });
    await box.fill("dst_p");
    await page.locator(".ant-select-item-option", { hasText: "dst_port" }).first().waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await becomes(() => box.inputValue(), "dst_port:", "the box");
  });

  await w.test("without a range the chart begins at the first flow", async () => {
    await page.goto(`/flows?q=${encodeURIComponent(`src:${net}.0/24`)}&by=flows`);
    await page.locator(".chart canvas").waitFor();
    await page.getByText(w.like("flows.histogram")).waitFor();
  });

  await w.test("Search shows them as a table that stays in the page, with its columns named", async () => {
    await page.goto(`/search?q=${encodeURIComponent(`from:flows src:${net}.0/24`)}`);
    await page.locator("tbody tr.ant-table-row").nth(3).waitFor();
    const heads = await page.locator("thead th").allInnerTexts();
    const label = (await w.api("GET", "/query/fields")).sources.find((s) => s.name === "flows").fields.find((f) => f.name === "dst_port").label[w.lang];
    await holds(async () => heads.includes(label), async () => `${label} in ${heads.slice(0, 20)}`);
    await holds(() => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), async () => "wider than the window");
    await becomes(() => page.locator(".col-side").count(), 0, "what counts lines");
    await w.shot(page, "flows-search");
  });

  await w.test("nothing found says what to do", async () => {
    await page.goto(`/flows?q=${encodeURIComponent("src:203.0.113.99 since:-15m")}`);
    await page.getByText(w.t("flows.nothing")).waitFor();
  });
});
