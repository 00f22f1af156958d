import { readFileSync } from "node:fs";
import { suite } from "./_suite.mjs";
import { becomes, check, equal, holds } from "./_tap.mjs";

const PDF = Buffer.from("%PDF-1.7\nbiên bản\n%%EOF\n");

await suite("files", async (w) => {
  const code = `TL-${w.stamp}`;
  await w.api("POST", "/unit", { code, name: "Đơn vị tài liệu", tier: "department" });
  await w.api("POST", "/device", { code: `${code}-1`, name: "Máy có biên bản", category: "workstation", unit: code });
  const proof = await w.api("POST", "/inspection", { code: `${code}-K`, device: `${code}-1`, verdict: "fail", inspected_on: "2026-11-01" });
  const path = `/registry/inspection/${proof.id}`;
  const page = await w.open(`${path}/edit`);
  const give = (name, buffer, mimeType = "application/pdf") => page.locator("#field-scan").setInputFiles({ name, mimeType, buffer });
  const field = page.locator(".ant-form-item").filter({ has: page.locator("#field-scan") });

  await w.test("the form says what it takes, and why it does not take a program or too much", async () => {
    await field.waitFor();
    await field.getByText(w.like("file.limit")).waitFor();
    await give("chay.pdf", Buffer.from([0x4d, 0x5a, 0, 1, 2, 3]));
    await field.getByRole("alert").filter({ hasText: "chay.pdf" }).waitFor();
    await holds(() => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the reason goes past the page's edge");
    await w.shot(page, "file-refused");
    const { file_max: max } = await w.api("GET", "/schema");
    await give("lon.pdf", Buffer.alloc(max + 1, " "));
    await field.getByRole("alert").filter({ hasText: "lon.pdf" }).waitFor();
    equal(await field.locator(".file-chosen").count(), 0, "what was chosen");
  });

  await w.test("a scan is attached with the record and comes back as the same bytes", async () => {
    await give("Biên bản.pdf", PDF);
    await field.locator(".file-chosen").filter({ hasText: "Biên bản.pdf" }).waitFor();
    equal(await field.getByRole("alert").count(), 0, "complaints");
    await w.shot(page, "file-chosen");
    await page.locator("button[type=submit]").click();
    await page.waitForURL(new RegExp(`${path}$`));
    const link = page.getByRole("link", { name: "Biên bản.pdf" });
    await link.waitFor();
    await w.shot(page, "file-record");
    const [file] = await Promise.all([page.waitForEvent("download"), link.click()]);
    equal(file.suggestedFilename(), "Biên bản.pdf", "its name");
    check(readFileSync(await file.path()).equals(PDF), "other bytes came back");
  });

  await w.test("removed in the form it is gone from the record", async () => {
    await page.goto(`${path}/edit`);
    await field.getByRole("button", { name: w.t("file.remove") }).click();
    await page.locator("button[type=submit]").click();
    await page.waitForURL(new RegExp(`${path}$`));
    await becomes(async () => (await w.api("GET", `/inspection/${proof.id}`)).scan, null, "the field");
  });
});
