import { suite } from "./_suite.mjs";
import { becomes, check, equal, holds, Skip } from "./_tap.mjs";
import { line, sendLines, until } from "./_wire.mjs";

await suite("search", async (w) => {
  const page = await w.open("/search");
  const box = page.getByRole("combobox", { name: w.t("search.query"), exact: true });
  const lines = page.locator("table.lines tbody tr");
  const ask = async (q) => {
    await box.fill(q);
    const answer = page.waitForResponse((r) => /\/api\/v1\/events\?/.test(r.url()) && r.request().method() === "GET");
    await page.keyboard.press("Enter");
    return answer;
  };

  await w.test("shows the newest lines, and the address is the query", async () => {
    await box.waitFor();
    await ask("since:-30d");
    await page.waitForURL(/q=since%3A-30d/);
    await page.locator("table.lines, .empty").first().waitFor();
    await page.locator(".chart canvas").waitFor();
    await w.shot(page, "search");
  });

  await w.test("a query that does not parse is marked at its character", async () => {
    const answer = await ask('program:sshd AND (host:"x"');
    equal(answer.status(), 400, "status");
    await page.locator("#query-error .pointer").waitFor();
    await holds(async () => (await page.locator("#query-error").innerText()).includes("^"), "no mark");
    await w.shot(page, "search-error");
  });

  await w.test("a diacritic before the mistake does not move the mark", async () => {
    const query = '"điều khoản" (';
    const answer = await ask(query);
    equal(answer.status(), 400, "status");
    await page.waitForFunction((q) => document.querySelector("#query-error .pointer")?.textContent.includes(q), query);
    const mark = (await page.locator("#query-error .pointer").evaluate((e) => e.textContent)).split("\n")[1];
    check(mark.indexOf("^") >= query.length - 1 && mark.indexOf("^") <= query.length, `the mark stands at ${mark.indexOf("^")} of ${query.length}`);
  });

  await w.test("help names the fields and inserts one", async () => {
    await box.fill("");
    await page.getByRole("button", { name: w.t("search.help") }).click();
    await page.getByRole("button", { name: "program", exact: true }).first().click();
    await holds(async () => (await box.inputValue()).includes("program:"), "not inserted");
    await w.shot(page, "search-help");
    await page.getByRole("button", { name: w.t("search.help") }).click();
  });

  await w.test("Enter runs what stands in the box while completions are offered", async () => {
    await box.fill("");
    await page.getByRole("button", { name: w.t("search.help") }).click();
    await page.getByRole("button", { name: "severity", exact: true }).first().click();
    await page.getByRole("button", { name: w.t("search.help") }).click();
    await box.press("End");
    await page.locator(".ant-select-item-option").first().waitFor();
    await page.keyboard.type("<=err");
    await page.locator(".ant-select-item-option").first().waitFor({ state: "hidden" });
    await page.keyboard.type(" prog");
    await page.locator(".ant-select-item-option", { hasText: "program" }).first().waitFor();
    const answer = page.waitForResponse((r) => /\/api\/v1\/events\?/.test(r.url()));
    await page.keyboard.press("Enter");
    check(new URL((await answer).url()).searchParams.get("query") === "severity:<=err prog", "another query was asked");
    await page.waitForURL((u) => u.searchParams.get("q") === "severity:<=err prog");
  });

  await w.test("an arrow chooses a completion, and Enter then takes it", async () => {
    await box.fill("progr");
    await page.locator(".ant-select-item-option").first().waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await becomes(() => box.inputValue(), "program:", "the box");
  });

  await w.test("columns are chosen and stand in the address", async () => {
    await page.goto(`/search?q=${encodeURIComponent("since:-30d")}`);
    await page.locator("table.lines").waitFor();
    await page.getByRole("button", { name: w.t("registry.columns") }).click();
    await page.getByRole("checkbox", { name: w.t("log_field.source") }).click();
    await page.waitForURL((u) => u.searchParams.get("cols") === "severity,host,program,source");
    await page.getByRole("checkbox", { name: w.t("log_field.program") }).click();
    await page.waitForURL((u) => u.searchParams.get("cols") === "severity,host,source");
    const head = (field) => page.locator("table.lines th").filter({ hasText: w.t(`log_field.${field}`) });
    await head("source").waitFor();
    await head("program").waitFor({ state: "detached" });
    await holds(async () => (await lines.first().innerText()).includes("127.0.0.1"), "no value in the new column");
    await w.shot(page, "search-columns");
  });

  await w.test("facets count the lines of the search and narrow it", async () => {
    const stamp = `facet-${w.stamp}`.toLowerCase();
    const now = Date.now();
    await sendLines([0, 1, 2, 3, 4].map((i) => line(now - i * 1000, i < 3 ? "mat-mot" : "mat-hai", "facet", stamp, i < 4 ? 30 : 27)));
    await until(async () => (await w.api("GET", `/events?query=${stamp}%20%7C%20count`)).total === 5, "five lines");
    await page.goto(`/search?q=${encodeURIComponent(`${stamp} since:-1h`)}`);
    const facet = (field) => page.locator(".facet").filter({ has: page.getByRole("heading", { name: w.t(`log_field.${field}`) }) });
    await facet("host").locator("li").first().waitFor();
    await becomes(async () => (await facet("host").locator("li").allInnerTexts()).map((x) => x.replace(/\s+/g, " ").trim()).join("; "), "mat-mot 3; mat-hai 2", "hosts");
    await becomes(() => facet("severity").locator("li").count(), 2, "severities");
    await becomes(() => facet("program").locator("li").count(), 1, "programs");
    await w.shot(page, "search-facets");
    await facet("host").getByRole("button", { name: "mat-hai" }).click();
    await page.waitForURL(/host%3Amat-hai/);
    await page.waitForFunction(() => document.querySelectorAll("table.lines tbody tr").length === 2);
  });

  await w.test("a long search tells how far it is and can be stopped", async () => {
    const now = Date.now();
    const many = Array.from({ length: 200000 }, (_, i) => line(now, "may-cham", "cham", `Tiến trình số ${i} đã nhận một thông điệp dài vừa phải từ máy chủ bên cạnh ${w.stamp}`));
    await sendLines(many);
    await until(async () => (await w.api("GET", `/events?query=program:cham%20${w.stamp}%20%7C%20count`)).total >= many.length, "the lines");
    const terms = Array.from({ length: 24 }, (_, i) => `~"khong he co trong dong nao ${i}"`); // each looks at every line
    await page.goto(`/search?q=${encodeURIComponent(`program:cham (${terms.join(" OR ")}) since:-1h`)}`);
    await page.locator(".run-bar").waitFor();
    await w.shot(page, "search-running");
    await page.locator(".run-bar").getByRole("button", { name: w.t("run.stop") }).click();
    await page.getByText(w.t("search.cancelled")).waitFor();
    await page.locator(".run-bar").waitFor({ state: "detached" });
    await w.shot(page, "search-stopped");
  });

  await w.test("a line opens to its fields, raw bytes and context", async () => {
    await page.goto(`/search?q=${encodeURIComponent("since:-29d")}`);
    await page.locator("table.lines, .empty").first().waitFor();
    if (!(await lines.count())) throw new Skip("the journal is empty");
    await page.locator(".opener").first().click();
    await page.locator(".line-open dl.data").waitFor();
    await page.locator(".line-open").getByRole("tab", { name: w.like("line.raw") }).click();
    await holds(async () => /^000000 {2}[0-9a-f]{2}/.test(await page.locator(".line-open .hex").innerText()), "no hex dump");
    await page.locator(".line-open").getByRole("tab", { name: w.t("line.context") }).click();
    await page.locator(".context li.marked").waitFor();
    await w.shot(page, "search-line");
  });

  await w.test("count by gives a table whose values lead to their lines", async () => {
    await ask("since:-30d | count by program, host");
    await page.locator(".ant-table, .empty").first().waitFor();
    if (!(await page.locator(".ant-table .as-link").count())) throw new Skip("the journal is empty");
    await w.shot(page, "search-count");
    await page.locator(".ant-table .as-link").first().click();
    await page.waitForURL(/program/);
    await lines.first().waitFor();
  });

  await w.test("a drag across the chart narrows the time range", async () => {
    await page.goto(`/search?q=${encodeURIComponent("since:-24h")}`);
    const chart = page.locator(".chart canvas").first();
    await chart.waitFor();
    await page.locator("table.lines, .empty").first().waitFor();
    const box = await chart.boundingBox();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 50, { steps: 5 });
    await page.mouse.move(box.x + box.width * 0.7, box.y + 50, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/since%3A20.*until%3A20/);
  });

  await w.test("the live tail runs, pauses and stops", async () => {
    await page.goto("/search");
    await page.getByRole("button", { name: w.t("tail.start") }).click();
    await page.waitForURL(/tail=1/);
    await page.getByText(w.like("tail.running")).waitFor();
    // Every refused login is a line of luyd itself.
    const knock = (name) => page.request.post("/api/v1/session", { data: { account: name, password: "x" } });
    await knock(`tail-a-${w.stamp}`);
    await lines.filter({ hasText: `tail-a-${w.stamp}` }).first().waitFor();
    await page.getByRole("button", { name: w.t("tail.pause"), exact: true }).click();
    await page.getByText(w.like("tail.waiting")).waitFor();
    await knock(`tail-b-${w.stamp}`);
    await page.getByText(new RegExp(w.like("tail.waiting").source.replace(".*", "[1-9]"))).waitFor();
    await becomes(() => lines.filter({ hasText: `tail-b-${w.stamp}` }).count(), 0, "lines shown while paused");
    await w.shot(page, "search-tail");
    await page.getByRole("button", { name: w.t("tail.resume"), exact: true }).click();
    await lines.filter({ hasText: `tail-b-${w.stamp}` }).first().waitFor();
    await page.getByRole("button", { name: w.t("tail.stop"), exact: true }).click();
    await page.waitForURL((u) => !u.search.includes("tail"));
  });

  await w.test("export hands over the lines as they came", async () => {
    await page.goto(`/search?q=${encodeURIComponent("since:-30d")}`);
    await page.locator("table.lines, .empty").first().waitFor();
    await page.getByRole("button", { name: w.t("export.do") }).click();
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: w.t("export.json") }).click();
    const file = await download;
    check(/json/.test(file.suggestedFilename()), file.suggestedFilename());
    equal(await file.failure(), null, "download");
  });
});
