import { suite } from "./_suite.mjs";
import { check, holds } from "./_tap.mjs";

await suite("system", async (w) => {
  const page = await w.open("/system");
  const tab = (key) => page.locator(".ant-tabs").first().getByRole("tab", { name: w.t(key), exact: true }).click();

  await w.test("figures of the journal and the service", async () => {
    await page.getByRole("heading", { name: w.t("system.journal"), exact: true }).waitFor();
    await page.getByText(w.like("system.answer")).waitFor();
    await w.shot(page, "system");
  });

  await w.test("the history chain verifies", async () => {
    await page.getByRole("button", { name: w.t("system.verify_do") }).click();
    await page.getByText(w.like("system.verify_good")).waitFor();
  });

  await w.test("log sources and controls", async () => {
    await tab("system.sources");
    await page.locator(".ant-table-row, .empty").first().waitFor();
    await w.shot(page, "sources");
    await tab("system.controls");
    await page.locator(".ant-table-row, .empty").first().waitFor();
    await page.getByRole("button", { name: w.t("control.run") }).click();
    await page.locator(".ant-btn-loading").waitFor({ state: "detached" });
    await holds(async () => (await page.locator(".ant-alert-error").count()) === 0, "the run failed");
    await w.shot(page, "controls");
  });

  await w.test("logins name the administrator", async () => {
    await tab("system.logins");
    await page.locator(`tr[data-row-key="${w.account}"]`).waitFor();
  });

  await w.test("a token is shown once, works, and is revoked", async () => {
    await tab("system.tokens");
    const name = `e2e ${w.stamp}`;
    await page.getByRole("textbox", { name: w.t("tokens.name") }).fill(name);
    await page.getByRole("button", { name: w.t("tokens.make") }).click();
    const secret = await page.locator(".secret").innerText();
    await w.shot(page, "tokens");
    const answer = await page.request.get("/api/v1/stats", { headers: { Authorization: `Bearer ${secret}`, Cookie: "" } });
    check(answer.ok(), `the token is refused: ${answer.status()}`);
    await page.locator(".ant-table-row", { hasText: name }).getByRole("button", { name: w.t("tokens.drop") }).click();
    await page.locator(".ant-popover:visible .ant-btn-primary").click();
    await page.locator(".ant-table-row", { hasText: name }).waitFor({ state: "detached" });
  });

  await w.test("the own password form refuses two entries that differ", async () => {
    await tab("password.title");
    const box = page.locator("input[type=password]");
    await box.nth(0).fill("x");
    await box.nth(1).fill("một");
    await box.nth(2).fill("hai");
    await page.keyboard.press("Enter");
    await page.getByText(w.t("password.differ")).waitFor();
  });
});
