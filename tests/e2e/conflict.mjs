import { suite } from "./_suite.mjs";
import { becomes, check, holds } from "./_tap.mjs";

await suite("conflict", async (w) => {
  const code = `CF-${w.stamp}`;
  const mine = await w.open("/registry/network/new");

  await w.test("two people edit one record: the later one sees the difference and chooses", async () => {
    await mine.locator("#field-code").fill(code);
    await mine.locator("#field-name").fill("Mạng thử");
    if (await mine.locator("#field-kind").count()) {
      await mine.locator("#field-kind").click();
      await mine.locator(".ant-select-dropdown:visible .ant-select-item-option").first().click();
    }
    await mine.locator("button[type=submit]").click();
    await mine.waitForURL(/\/registry\/network\/\d+$/);
    const path = new URL(mine.url()).pathname;
    await mine.goto(`${path}/edit`);
    await mine.locator("#field-name").fill("Tên của tôi");

    const theirs = await w.open(`${path}/edit`);
    await theirs.locator("#field-name").fill("Tên của họ");
    await theirs.locator("button[type=submit]").click();
    await theirs.waitForURL(new RegExp(`${path}$`));
    await theirs.close();

    await mine.locator("button[type=submit]").click();
    const dialog = mine.locator(".ant-modal");
    await dialog.getByText(w.t("conflict.title")).waitFor();
    const text = await dialog.innerText();
    for (const name of ["Mạng thử", "Tên của tôi", "Tên của họ"]) check(text.includes(name), `${name} is not shown`);
    await w.shot(mine, "conflict");
    await holds(() => dialog.getByRole("button", { name: w.t("conflict.save") }).isDisabled(), "it can be saved without a choice");
    await dialog.getByText(w.t("conflict.mine_short"), { exact: true }).click();
    await dialog.getByRole("button", { name: w.t("conflict.save") }).click();
    await mine.waitForURL(new RegExp(`${path}$`));
    await mine.getByRole("heading", { name: "Tên của tôi", level: 1 }).waitFor();
  });

  await w.test("its end asks for a reason and keeps the record for the books", async () => {
    await mine.getByRole("button", { name: w.t("record.end"), exact: true }).click();
    const ok = mine.locator(".ant-modal-footer .ant-btn-primary");
    await becomes(() => ok.isDisabled(), true, "without a reason");
    await mine.locator(".ant-modal #reason").fill("xong việc thử");
    await ok.click();
    await mine.getByText(w.t("record.ended_note")).waitFor();
    await w.shot(mine, "ended");
  });
});
