import { suite } from "./_suite.mjs";
import { becomes } from "./_tap.mjs";

await suite("find", async (w) => {
  const page = await w.open("/");
  const code = `TIM-${w.stamp}`;

  await w.test("Ctrl-K finds a record by name without diacritics and opens it with Enter", async () => {
    await page.goto("/registry/site/new");
    await page.locator("#field-code").fill(code);
    await page.locator("#field-name").fill(`Trụ sở ${code} Đường Lũy Tre`);
    await page.locator("button[type=submit]").click();
    await page.waitForURL(/\/registry\/site\/\d+$/);
    const path = new URL(page.url()).pathname;
    await page.goto("/");
    await page.locator("h1").waitFor();
    await page.keyboard.press("Control+k");
    const box = page.getByRole("combobox", { name: w.t("find.title") });
    await box.waitFor();
    await page.waitForFunction(() => document.activeElement?.getAttribute("role") === "combobox");
    await page.keyboard.type(`tru so ${code.toLowerCase()}`);
    await page.locator(".hit", { hasText: code }).first().waitFor();
    await w.shot(page, "find");
    // Down to the record, wherever it stands in the list.
    for (let i = 0; i < 30; i++) {
      if ((await page.locator(".hit.at").getAttribute("id")) === (await page.locator(".hit", { hasText: "Lũy Tre" }).first().getAttribute("id"))) break;
      await page.keyboard.press("ArrowDown");
    }
    await page.keyboard.press("Enter");
    await page.waitForURL(new RegExp(`${path}$`));
  });

  await w.test("a letter wrong still finds it; it is remembered; commands are found too", async () => {
    await page.goto("/");
    await page.locator("h1").waitFor();
    await page.keyboard.press("Control+k");
    await page.waitForFunction(() => document.activeElement?.getAttribute("role") === "combobox");
    await page.locator(".hit", { hasText: w.t("find.recent") }).first().waitFor();
    await page.keyboard.type(`duomg luy tre ${code.toLowerCase()}`);
    await page.locator(".hit", { hasText: "Lũy Tre" }).first().waitFor();
    await w.shot(page, "find-near");
    await page.getByRole("combobox", { name: w.t("find.title") }).fill("csv");
    await page.locator(".hit", { hasText: w.t("find.command") }).first().waitFor();
    await page.keyboard.press("Escape");
  });

  await w.test("Escape closes the box", async () => {
    await page.keyboard.press("Control+k");
    await page.locator(".find .hits").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".find .hits").waitFor({ state: "hidden" });
    await becomes(() => page.locator(".ant-modal-mask:visible").count(), 0, "what stays over the page");
  });
});
