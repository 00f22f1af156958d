import { suite } from "./_suite.mjs";
import { holds, Skip } from "./_tap.mjs";

await suite("clauses", async (w) => {
  const page = await w.open("/clauses");

  await w.test("the texts are trees with a state by word and shape", async () => {
    await page.getByRole("heading", { name: w.t("nav.clauses"), level: 1 }).waitFor();
    await page.locator(".clause-tree, .empty").first().waitFor();
    if (!(await page.locator(".clause-tree").count())) throw new Skip("no pack is loaded");
    await holds(async () => (await page.locator(".ant-segmented-item").count()) >= 4 + 2, "not four texts (and two languages)");
    await page.getByRole("button", { name: w.t("clauses.open_all") }).click();
    await page.locator(".clause-row .mark .anticon").first().waitFor();
    await w.shot(page, "clauses");
  });

  await w.test("the tree narrows by words without diacritics", async () => {
    await page.goto("/clauses?text=BT");
    await page.locator(".clause-row").first().waitFor();
    await page.getByRole("button", { name: w.t("clauses.open_all") }).click();
    await page.locator(".clause-row", { hasText: "BT-7.2" }).waitFor();
    const all = await page.locator(".clause-row").count();
    await page.goto("/clauses?text=BT&q=tai khoan");
    await page.locator(".clause-row", { hasText: "BT-7.3" }).waitFor();
    await holds(async () => (await page.locator(".clause-row").count()) < all, "nothing was left out");
  });

  await w.test("a clause shows its sentence, controls and findings, by an address that reloads", async () => {
    await page.goto("/clauses?text=BT");
    await page.locator(".clause-row a.clause").first().waitFor();
    await page.goto("/clauses/one?id=BT-7.2");
    await page.getByRole("heading", { name: /^BT-7\.2/, level: 1 }).waitFor();
    await page.getByRole("heading", { name: w.t("clauses.sentence") }).waitFor();
    await page.getByRole("heading", { name: w.t("clauses.controls"), exact: true }).waitFor();
    await w.shot(page, "clause");
  });
});
