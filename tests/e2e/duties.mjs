import { suite } from "./_suite.mjs";
import { Skip } from "./_tap.mjs";

await suite("duties", async (w) => {
  const page = await w.open("/duties");

  await w.test("lists the duties by what presses", async () => {
    await page.getByRole("heading", { name: w.t("nav.duties"), level: 1 }).waitFor();
    await page.locator(".panel, .empty").first().waitFor();
    await w.shot(page, "duties");
  });

  await w.test("the calendar shows the same", async () => {
    await page.goto("/duties?view=calendar");
    await page.locator(".ant-picker-calendar, .empty").first().waitFor();
    await w.shot(page, "duties-calendar");
  });

  await w.test("a duty is done with a note", async () => {
    await page.goto("/duties");
    await page.locator(".panel, .empty").first().waitFor();
    const button = page.getByRole("button", { name: w.t("duty.do"), exact: true });
    if (!(await button.count())) throw new Skip("nothing to be done");
    await button.last().click();
    await page.locator(".ant-modal #reason").fill(`biên bản ${w.stamp}`);
    await page.locator(".ant-modal-footer .ant-btn-primary").click();
    await page.locator(".ant-modal").waitFor({ state: "hidden" });
    await page.goto(`/duties?q=${w.stamp}`);
    await page.getByText(`biên bản ${w.stamp}`).first().waitFor();
    await page.getByText(w.t("duty_state.done")).first().waitFor();
  });
});
