import { suite } from "./_suite.mjs";
import { becomes, check, equal, holds } from "./_tap.mjs";

/** Picks an option of an Ant Design select by what stands in it. */
export async function choose(page, id, words) {
  await page.locator(`#${id}`).fill(words);
  await page.locator(".ant-select-dropdown:visible .ant-select-item-option").filter({ hasText: words }).first().click();
}

await suite("registry", async (w) => {
  const page = await w.open("/registry");
  const code = `E2E-${w.stamp}`;

  await w.test("lists the kinds by group with their counts", async () => {
    await page.getByRole("heading", { name: w.t("nav.registry"), level: 1 }).waitFor();
    await page.locator(".kind a[href='/registry/device']").waitFor();
    await holds(async () => (await page.locator(".kind").count()) >= 10, "too few kinds");
    await w.shot(page, "registry");
  });

  await w.test("a unit can be made with the keyboard; the form refuses gaps at the field", async () => {
    await page.goto("/registry/unit/new");
    await page.locator("#field-code").waitFor();
    await becomes(() => page.evaluate(() => document.activeElement?.id), "field-code", "the focus");
    await page.keyboard.press("Enter");
    await page.locator(".ant-form-item-has-error").first().waitFor();
    await w.shot(page, "form-gaps");
    await page.locator("#field-code").fill(code);
    await page.locator("#field-name").fill("Đơn vị thử nghiệm");
    if (await page.locator(".ant-form-item-has-error #field-tier").count()) {
      await page.locator("#field-tier").click();
      await page.locator(".ant-select-dropdown:visible .ant-select-item-option").first().click();
    }
    await page.locator("#form-reason").fill("thử bằng trình duyệt");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/registry\/unit\/\d+$/);
    await page.getByRole("heading", { name: "Đơn vị thử nghiệm", level: 1 }).waitFor();
  });

  await w.test("a device refers to it through a searchable select; clauses stand beside fields", async () => {
    await page.goto("/registry/device/new");
    await page.locator("#field-code").fill(`${code}-D`);
    await page.locator("#field-name").fill("Máy thử");
    await page.locator("#field-category").click();
    await page.locator(".ant-select-dropdown:visible .ant-select-item-option").first().click();
    await choose(page, "field-unit", code);
    await page.locator("#field-serial").fill(code);
    await holds(async () => (await page.locator(".record-form a.clause").count()) > 0, "no clause beside a field");
    await w.shot(page, "form-device");
    await page.locator("button[type=submit]").click();
    await page.waitForURL(/\/registry\/device\/\d+$/);
    await page.locator(".life li.at").waitFor();
    await w.shot(page, "record");
  });

  await w.test("a duplicate is refused at its field and the draft survives a reload", async () => {
    await page.goto("/registry/device/new");
    await page.locator("#field-code").fill(`${code}-D`);
    await page.locator("#field-name").fill("Máy trùng");
    await page.locator("#field-category").click();
    await page.locator(".ant-select-dropdown:visible .ant-select-item-option").first().click();
    await choose(page, "field-unit", code);
    await page.locator("button[type=submit]").click();
    await page.locator(".ant-form-item-has-error #field-code").waitFor();
    await w.shot(page, "form-duplicate");
    await page.reload();
    await page.getByText(w.like("form.draft")).waitFor();
    await becomes(() => page.locator("#field-name").inputValue(), "Máy trùng", "the draft");
    await page.getByRole("button", { name: w.t("form.discard") }).click();
    await becomes(() => page.locator("#field-name").inputValue(), "", "after the discard");
  });

  await w.test("the list filters, sorts and keeps its state in the address", async () => {
    await page.goto("/registry/device");
    await page.locator(".ant-table-row").first().waitFor();
    await w.shot(page, "list");
    await page.getByRole("button", { name: w.t("filter.add") }).click();
    const editor = page.locator(".filter-editor");
    const label = (await page.locator("thead th:not(.ant-table-selection-column)").first().innerText()).trim();
    await editor.getByRole("combobox", { name: w.t("filter.field") }).fill(label);
    await page.keyboard.press("Enter");
    await editor.getByRole("textbox", { name: w.t("filter.value") }).fill(code);
    await page.keyboard.press("Enter");
    await page.waitForURL(new RegExp(`code__ic=${code}`));
    await page.locator(".filters .ant-tag").first().waitFor();
    await page.locator("thead th:not(.ant-table-selection-column)").first().click();
    await page.waitForURL(/order=code/);
    await page.getByRole("link", { name: `${code}-D` }).first().waitFor();
    await becomes(() => page.locator(".ant-table-row").count(), 1, "rows");
    await w.shot(page, "list-filtered");
    await page.locator(".filters .ant-tag .ant-tag-close-icon, .filters .ant-tag [aria-label]").first().click();
    await page.waitForURL((u) => !u.search.includes("code__ic"));
  });

  await w.test("a step of the life cycle asks why, and history shows before and after", async () => {
    await page.goto(`/registry/device?code__ic=${code}`);
    await page.getByRole("link", { name: `${code}-D` }).first().click();
    await page.locator(".life button").first().click();
    await page.locator(".ant-modal #reason").fill("đủ hồ sơ");
    await page.locator(".ant-modal-footer .ant-btn-primary").click();
    await page.locator(".ant-modal").waitFor({ state: "hidden" });
    await page.getByRole("tab", { name: w.t("record.history") }).click();
    await page.locator(".history li").nth(1).waitFor();
    await holds(async () => (await page.locator(".history").innerText()).includes("đủ hồ sơ"), "the reason is not shown");
    await holds(async () => (await page.locator(".history del").count()) > 0, "no before");
    await w.shot(page, "history");
  });

  await w.test("the unit shows what refers to it, and cannot end while it does", async () => {
    await page.goto(`/registry/unit?code__ic=${code}`);
    await page.locator(".ant-table-row a").first().click();
    await page.getByRole("tab", { name: w.t("record.related") }).click();
    await page.locator(".kinds").getByRole("link", { name: "Máy thử" }).waitFor();
    await w.shot(page, "related");
    await page.getByRole("button", { name: w.t("record.end"), exact: true }).click();
    await page.locator(".ant-modal #reason").fill("thử");
    await page.locator(".ant-modal-footer .ant-btn-primary").click();
    await page.locator(".ant-modal .ant-alert-error").waitFor();
    await page.keyboard.press("Escape");
  });

  await w.test("CSV of exactly what is shown", async () => {
    await page.goto(`/registry/device?code__ic=${code}`);
    await page.locator(".ant-table-row").first().waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: w.t("registry.export_csv") }).click();
    const text = await (await download).createReadStream().then(async (s) => {
      let out = "";
      for await (const chunk of s) out += chunk;
      return out;
    });
    equal(text.trim().split(/\r?\n/).length, 2, "header and one row");
    check(text.includes(`${code}-D`), "the row");
  });
});
