import { suite } from "./_suite.mjs";
import { check, holds } from "./_tap.mjs";

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
    await page.getByRole("link", { name: w.t("import.see") }).click();
    await page.getByRole("link", { name: `${code}-B` }).first().waitFor();
  });
});
