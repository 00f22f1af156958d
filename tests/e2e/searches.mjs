// Saved searches: keep, open, rename, share, take away; and the same names on the command line's API.
import { suite } from "./_suite.mjs";
import { becomes, check, equal, holds } from "./_tap.mjs";

await suite("searches", async (w) => {
  const page = await w.open(`/search?q=${encodeURIComponent("severity:<=warning since:-2h")}`);
  const menu = page.getByRole("button", { name: w.t("saved.title") });
  const name = `Cảnh báo ${w.stamp}`;
  const row = (text) => page.locator(".saved-item").filter({ hasText: text });

  await w.test("the query in the box is saved under a name, by keyboard", async () => {
    await menu.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: w.t("saved.keep") }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").getByRole("textbox", { name: w.t("saved.name") }).fill(name);
    await w.shot(page, "searches-save");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    const { items } = await w.api("GET", "/searches");
    const kept = items.find((s) => s.name === name);
    equal(kept?.query, "severity:<=warning since:-2h", "the query");
    equal(kept.shared, false, "shared");
  });

  await w.test("it is listed and opens", async () => {
    await page.goto("/search?q=sshd");
    await menu.click();
    await row(name).waitFor();
    await w.shot(page, "searches");
    await row(name).getByRole("button", { name, exact: true }).click();
    await page.waitForURL((u) => u.searchParams.get("q") === "severity:<=warning since:-2h");
  });

  await w.test("a query that does not parse is not saved, and what was typed stays", async () => {
    await menu.click();
    await row(name).getByRole("button", { name: w.t("saved.edit_one").replace("{name}", name) }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox", { name: w.t("search.query") }).fill("prog:x");
    await dialog.getByRole("button", { name: w.t("saved.save") }).click();
    await dialog.locator(".ant-alert").waitFor();
    await becomes(() => dialog.getByRole("textbox", { name: w.t("search.query") }).inputValue(), "prog:x", "what was typed");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  });

  await w.test("it is renamed and shared", async () => {
    await menu.click();
    await row(name).getByRole("button", { name: w.t("saved.edit_one").replace("{name}", name) }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox", { name: w.t("saved.name") }).fill(`${name} hai`);
    await dialog.getByRole("checkbox").check();
    await dialog.getByRole("button", { name: w.t("saved.save") }).click();
    await dialog.waitFor({ state: "detached" });
    const { items } = await w.api("GET", "/searches");
    check(!items.some((s) => s.name === name), "the old name is still there");
    equal(items.find((s) => s.name === `${name} hai`)?.shared, true, "shared");
  });

  await w.test("it is taken away after a question", async () => {
    await menu.click();
    await row(`${name} hai`).getByRole("button", { name: w.t("saved.delete_one").replace("{name}", `${name} hai`) }).click();
    await page.locator(".ant-popconfirm").getByRole("button", { name: w.t("saved.delete") }).click();
    await row(`${name} hai`).waitFor({ state: "detached" });
    await holds(async () => !(await w.api("GET", "/searches")).items.some((s) => s.name.startsWith(name)), "still there");
  });
});
