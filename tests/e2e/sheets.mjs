import { readFileSync } from "node:fs";
import { suite } from "./_suite.mjs";
import { becomes, check, equal } from "./_tap.mjs";
import { workbook } from "./_workbook.mjs";

await suite("sheets", async (w) => {
  const code = `BT-${w.stamp}`;
  const units = [["code", "name", "tier"], [code, "Đơn vị bảng tính", "department"]];
  const devices = [
    ["code", "name", "category", "unit.code", "bought_on"],
    [`${code}-1`, "Máy một", "laptop", code, "31/12/2025"],
    [`${code}-2`, "Máy hai", "printer", code, ""],
    [`${code}-3`, "Máy ba", "server", code, ""],
  ];
  const wrong = devices.map((r) => [...r]);
  wrong[1][4] = "31/13/2025";
  wrong[2][2] = "xe-dap";
  wrong[3][3] = "KHONG-CO";
  const total = async (kind) => (await w.api("GET", `/${kind}?code__ic=${code}&count=1`)).total;
  const page = await w.open("/registry/import");
  const give = (sheets) =>
    page.locator("input[type=file]").setInputFiles({
      name: "kiem-ke.xlsx",
      mimeType: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
      buffer: workbook(sheets),
    });
  const download = async (button) => {
    const [file] = await Promise.all([page.waitForEvent("download"), button.click()]);
    return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
  };

  await w.test("a workbook with three mistakes shows them by sheet, row and column; nothing is written", async () => {
    await give({ unit: units, device: wrong });
    const told = page.locator(".import-errors .ant-table-row");
    await told.nth(2).waitFor();
    const rows = await told.allInnerTexts();
    equal(rows.map((r) => r.split(/\s+/).slice(0, 3).join(" ")).join("; "), "device 2 bought_on; device 3 category; device 4 unit.code", "the mistakes");
    await w.shot(page, "sheets-wrong");
    await becomes(async () => `${await total("unit")} ${await total("device")}`, "0 0", "what was written");
  });

  await w.test("the sheet comes back with each mistake marked", async () => {
    const file = await download(page.getByRole("button", { name: w.t("import.marked") }));
    check(file.name.endsWith(".xlsx") && file.bytes.subarray(0, 2).toString() === "PK", file.name);
  });

  await w.test("mended, it is planned by sheet and written in one go", async () => {
    await give({ unit: units, device: devices });
    await page.locator(".import-sheets").waitFor();
    await w.shot(page, "sheets-plan");
    await becomes(() => total("device"), 0, "written by the plan");
    await page.getByRole("button", { name: w.like("import.do") }).click();
    await page.getByText(w.like("import.done")).waitFor();
    await becomes(async () => `${await total("unit")} ${await total("device")}`, "1 3", "what was written");
    await w.shot(page, "sheets-done");
  });

  await w.test("and taken back by the change that it was", async () => {
    await page.getByRole("link", { name: w.t("import.undo") }).click();
    await page.waitForURL(/\/changes\/\d+$/);
    const step = async (name, reason) => {
      await page.locator(".page-head .actions").getByRole("button", { name: w.t(`change_step.${name}`), exact: true }).click();
      const modal = page.locator(".ant-modal").filter({ visible: true });
      await modal.waitFor();
      if (reason) await modal.locator("#reason").fill(reason);
      await modal.locator(".ant-modal-footer .ant-btn-primary").click();
      await modal.waitFor({ state: "hidden" });
    };
    await step("revert", "nhập thử");
    await step("submit");
    await w.shot(page, "sheets-revert");
    await step("apply");
    await page.getByText(w.t("change_answer.applied")).first().waitFor();
    await becomes(async () => `${await total("unit")} ${await total("device")}`, "0 0", "what is left");
  });

  await w.test("a list goes out as CSV and as XLSX", async () => {
    await w.api("POST", "/site", { code: `${code}-A`, name: "Điểm A" });
    await w.api("POST", "/site", { code: `${code}-B`, name: "Điểm B" });
    await page.goto(`/registry/site?code__ic=${code}`);
    await page.getByRole("link", { name: `${code}-B` }).first().waitFor();
    const csv = await download(page.getByRole("button", { name: w.t("registry.export_csv") }));
    equal(csv.bytes.toString("utf8").trim().split("\n").length, 3, "lines of the CSV");
    const xlsx = await download(page.getByRole("button", { name: w.t("registry.export_xlsx") }));
    check(xlsx.name === "site.xlsx" && xlsx.bytes.subarray(0, 2).toString() === "PK", xlsx.name);
  });

  await w.test("picked rows are edited together as a draft", async () => {
    for (const row of [`${code}-A`, `${code}-B`]) await page.locator("tr").filter({ hasText: row }).locator("input[type=checkbox]").check();
    await page.getByRole("button", { name: w.t("bulk.do") }).click();
    const modal = page.locator(".ant-modal").filter({ visible: true });
    await modal.locator("#bulk-field").click();
    const label = w.lang === "vi" ? "Địa chỉ" : "Address";
    await modal.locator("#bulk-field").fill(label);
    await page.locator(".ant-select-dropdown:visible .ant-select-item-option").filter({ hasText: label }).first().click();
    await modal.locator("#bulk-value").fill("1 phố Tràng Tiền");
    await w.shot(page, "sheets-bulk");
    await modal.locator(".ant-modal-footer .ant-btn-primary").click();
    await page.waitForURL(/\/changes\/\d+$/);
    await page.getByText(w.t("change_answer.draft")).waitFor();
    await becomes(() => page.locator("ins").filter({ hasText: "1 phố Tràng Tiền" }).count(), 2, "records in the draft");
    await becomes(async () => (await w.api("GET", `/site/${code}-A`)).address_text, null, "the record meanwhile");
  });
});
