import { suite } from "./_suite.mjs";
import { becomes, check, holds } from "./_tap.mjs";

await suite("changes", async (w) => {
  const code = `NHOM-${w.stamp}`;
  const set = await w.api("POST", "/object_set", { code, name: "Máy chủ thử" });
  const page = await w.open(`/registry/object_set/${set.id}/edit`);
  const step = async (name, reason) => {
    await page.locator(".page-head .actions").getByRole("button", { name: w.t(`change_step.${name}`), exact: true }).click();
    const modal = page.locator(".ant-modal").filter({ visible: true });
    await modal.waitFor();
    if (reason) await modal.locator("#reason").fill(reason);
    await w.shot(page, `change-${name}`);
    await modal.locator(".ant-modal-footer .ant-btn-primary").click();
    await modal.waitFor({ state: "hidden" });
  };

  await w.test("a form that needs approval becomes a draft set with the difference", async () => {
    await page.locator("#field-name").fill("Máy chủ đổi tên");
    await page.locator("#form-reason").fill("đặt lại tên");
    await page.locator("button[type=submit]").click();
    await page.waitForURL(/\/changes\/\d+$/);
    await page.getByText(w.t("change_answer.draft")).waitFor();
    await page.locator("ins").filter({ hasText: "Máy chủ đổi tên" }).waitFor();
    await page.locator("del").filter({ hasText: "Máy chủ thử" }).waitFor();
    await w.shot(page, "change-draft");
  });

  await w.test("its author submits it and may not approve it", async () => {
    await step("submit");
    await page.getByText(w.t("change_answer.submitted")).waitFor();
    await becomes(() => page.getByRole("button", { name: w.t("change_step.approve"), exact: true }).count(), 0, "ways to approve the own set");
    await becomes(async () => (await w.api("GET", `/object_set/${set.id}`)).name, "Máy chủ thử", "the name meanwhile");
  });

  await w.test("breaking the glass asks for a reason and stays open for a review", async () => {
    await step("break-glass", "đường truyền đứt trong đêm");
    await page.getByText(w.t("changes.glass_open")).waitFor();
    await becomes(async () => (await w.api("GET", `/object_set/${set.id}`)).name, "Máy chủ đổi tên", "the name now");
    await w.shot(page, "change-glass");
  });

  await w.test("the record says why, and leads back to the set", async () => {
    await page.goto(`/registry/object_set/${set.id}?tab=why`);
    const link = page.locator("a[href^='/changes/']").first();
    await link.waitFor();
    await w.shot(page, "why");
    await link.click();
    await page.getByText(w.t("changes.glass_open")).waitFor();
  });

  await w.test("undoing it makes the opposite set, to be approved as well", async () => {
    await step("revert", "thử xong");
    await page.locator("ins").filter({ hasText: "Máy chủ thử" }).waitFor();
    check(/\/changes\/\d+$/.test(page.url()), page.url());
    await step("withdraw");
    await page.getByText(w.t("change_answer.withdrawn")).waitFor();
  });

  await w.test("the plan says which findings would open, by check, clause and record", async () => {
    const unit = `DV-${w.stamp}`;
    const ops = [{ op: "create", kind: "unit", fields: { code: unit, name: `Đơn vị ${w.stamp}`, tier: "commune" } }];
    const made = await w.api("POST", "/changes", { title: `Thêm ${unit}`, reason: "lập đơn vị", ops });
    let said;
    /* on a busy machine the checks of one plan may find their time used up, and say so */
    await holds(
      async () => (said = (await w.api("GET", `/changes/${made.id}/plan`)).checks).opens > 0 && said.failed.length === 0,
      () => `the checks: ${JSON.stringify(said)}`,
    );
    await page.goto(`/changes/${made.id}`);
    const block = page.locator(".plan-checks");
    await block.getByText(w.like("plan_checks.sum")).waitFor();
    const row = block.locator("tr", { hasText: `Đơn vị ${w.stamp}` }).first();
    await row.getByText(w.t("check_effect.opens"), { exact: true }).waitFor();
    await becomes(() => row.locator("a").filter({ hasText: w.stamp }).count(), 0, "links to a record that is not there yet");
    await w.shot(page, "change-checks");
    const clause = block.locator("a.clause").first();
    const id = await clause.innerText();
    await clause.click();
    await page.waitForURL(/\/clauses\/one/);
    await becomes(() => new URL(page.url()).searchParams.get("id"), id, "the clause that was opened");
    await becomes(async () => (await w.api("GET", `/changes/${made.id}/plan`)).checks.opens, said.opens, "openings, as nothing was written");
    await w.api("POST", `/changes/${made.id}/withdraw`, { reason: "thử xong" }, { "If-Match": String(made.rev) });
  });

  await w.test("the list shows what waits first, and all when asked", async () => {
    await page.goto("/changes?show=all");
    await page.locator("tbody a[href^='/changes/']").first().waitFor();
    await w.shot(page, "changes");
  });
});
