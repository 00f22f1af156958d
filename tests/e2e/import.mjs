import { suite } from "./_suite.mjs";
import { becomes, check, holds } from "./_tap.mjs";

await suite("import", async (w) => {
  const code = `NK-${w.stamp}`;
  const page = await w.open("/registry/device/import");
  const give = (text) => page.locator("input[type=file]").setInputFiles({ name: "thiet-bi.csv", mimeType: "text/csv", buffer: Buffer.from(text) });

  await w.test("mistakes stand in a table by row and column, and nothing is written", async () => {
    await give(`code,name,category,unit.code\n${code}-1,Máy một,laptop,KHONG-CO\n${code}-2,,laptop,KHONG-CO\n${code}-3,Máy ba,xe-dap,KHONG-CO\n`);
    await page.locator(".import-errors .ant-table-row").first().waitFor();
    await holds(async () => (await page.locator(".import-errors .ant-table-row").count()) >= 3, "not every mistake is listed");
    const text = await page.locator(".import-errors").innerText();
    for (const column of ["category", "unit"]) check(text.includes(column), `column ${column} is not named`);
    await w.shot(page, "import-wrong");
    const list = await page.request.get(`/api/v1/device?code__ic=${code}&count=1`);
    await holds(async () => (await list.json()).total === 0, "something was written");
  });

  await w.test("a right file is planned first and written after a word", async () => {
    await give(`code,name\n${code}-A,Điểm A\n${code}-B,Điểm B\n`.replace(/^/, ""));
    await page.goto("/registry/site/import");
    await give(`code,name\n${code}-A,Điểm A\n${code}-B,Điểm B\n`);
    await page.getByText(w.like("import.plan")).waitFor();
    await w.shot(page, "import-plan");
    await page.getByRole("button", { name: w.like("import.do") }).click();
    await page.getByText(w.like("import.done")).waitFor();
    await becomes(() => page.locator(".plan-checks").count(), 0, "forecasts beside what was done");
    await page.getByRole("link", { name: w.t("import.see") }).click();
    await page.getByRole("link", { name: `${code}-B` }).first().waitFor();
  });

  await w.test("the plan of a file says which findings would open, by check, clause and record", async () => {
    await page.goto("/registry/unit/import");
    await give(`code,name,tier\n${code}-1,Xã một ${w.stamp},commune\n${code}-2,Xã hai ${w.stamp},commune\n`);
    const block = page.locator(".plan-checks");
    await block.locator("tr", { hasText: `Xã một ${w.stamp}` }).first().getByText(w.t("check_effect.opens"), { exact: true }).waitFor();
    await block.locator("tr", { hasText: `Xã hai ${w.stamp}` }).first().waitFor();
    await block.getByText(w.like("plan_checks.sum")).waitFor();
    await block.locator("a.clause").first().waitFor();
    await becomes(() => block.locator("td a").filter({ hasText: w.stamp }).count(), 0, "links to a record that is not there yet");
    await w.shot(page, "import-checks");
    const list = await page.request.get(`/api/v1/unit?code__ic=${code}&count=1`);
    await holds(async () => (await list.json()).total === 0, "something was written");
  });
});
