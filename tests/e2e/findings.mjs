import { suite } from "./_suite.mjs";
import { holds, Skip } from "./_tap.mjs";

await suite("findings", async (w) => {
  const page = await w.open("/findings");
  const rows = page.locator(".ant-table-row");

  await w.test("lists what is open; filters stand in the address", async () => {
    await page.getByRole("heading", { name: w.t("nav.findings"), level: 1 }).waitFor();
    await page.locator(".ant-table-row, .empty").first().waitFor();
    await page.locator(".answer").waitFor();
    await w.shot(page, "findings");
    await page.getByText(w.t("findings.any_state"), { exact: true }).first().click();
    await page.waitForURL(/state=any/);
    await page.goto("/findings?severity=low&state=any&q=zzz-nothing");
    await page.locator(".filters .ant-tag").first().waitFor();
    await page.getByText(w.t("findings.none")).waitFor();
  });

  await w.test("a finding says why: clause and text, evidence, remedy, history", async () => {
    await page.goto("/findings?state=any");
    await page.locator(".ant-table-row, .empty").first().waitFor();
    if (!(await rows.count())) throw new Skip("there is no finding");
    await rows.first().locator("a[href^='/findings/']").click();
    for (const key of ["finding.why", "finding.remedy", "finding.evidence", "finding.history"]) {
      await page.getByRole("heading", { name: w.t(key), exact: true }).waitFor();
    }
    await holds(async () => (await page.locator(".law a.clause").count()) > 0, "no clause");
    await holds(async () => (await page.locator(".law p").first().innerText()).length > 20, "no text of the clause");
    await w.shot(page, "finding");
  });

  await w.test("it can be acknowledged with a note that stays in the history", async () => {
    await page.goto("/findings?state=open");
    await page.locator(".ant-table-row, .empty").first().waitFor();
    if (!(await rows.count())) throw new Skip("no finding is open");
    await rows.last().locator("a[href^='/findings/']").click();
    await page.getByRole("button", { name: w.t("finding_do.acknowledged") }).click();
    await page.locator(".ant-modal #reason").fill(`đã xem ${w.stamp}`);
    await page.locator(".ant-modal-footer .ant-btn-primary").click();
    await page.getByText(`đã xem ${w.stamp}`).waitFor();
    await page.getByText(w.t("finding_state.acknowledged")).first().waitFor();
  });

  await w.test("evidence out of the log leads back to its line", async () => {
    const list = await (await page.request.get("/api/v1/findings?limit=200")).json();
    let found = false;
    for (const f of list.items.filter((x) => x.subject?.kind === "event" || x.count > 1).slice(0, 20)) {
      await page.goto(`/findings/${f.id}`);
      await page.locator(".panel").first().waitFor();
      const link = page.locator(".evidence-head a").first();
      if (!(await link.count())) continue;
      await link.click();
      await page.locator("table.lines tr.marked").waitFor();
      await w.shot(page, "evidence-in-log");
      found = true;
      break;
    }
    if (!found) throw new Skip("no finding rests on a log line");
  });
});
