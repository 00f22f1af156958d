// The admission desk with more cards than one page, by the keyboard alone.
import { suite } from "./_suite.mjs";
import { becomes, holds } from "./_tap.mjs";

const MANY = 90;

await suite("admission", async (w) => {
  const stem = `BT-${w.stamp}`;
  await w.api("POST", "/unit", { code: stem, name: `Đơn vị ${stem}`, tier: "department" });
  const declare = (n) =>
    w.api("POST", "/device", { code: `${stem}-${String(n).padStart(3, "0")}`, name: `Máy ${n}`, category: "workstation", unit: stem, serial: `${stem}-${n}` });
  for (let n = 0; n < MANY; n++) await declare(n);
  const other = await declare(MANY);
  await w.api("PATCH", `/device/${other.id}`, { state: "submitted" }, { "If-Match": String(other.rev) });
  const page = await w.open(`/admission?q=${stem}`);
  const drafts = page.locator("[data-state=draft] .desk-card");
  const key = (name) => page.keyboard.press(name);
  const focused = () => page.evaluate(() => document.activeElement?.querySelector(".mono")?.textContent ?? "");
  const card = (n) => `${stem}-${String(n).padStart(3, "0")}`;
  const keyOf = (i) => drafts.nth(i).locator(".mono").innerText();
  /** Tab until the focus is where it should be; everything on the way can be left again. */
  const tabTo = async (selector, most = 120) => {
    for (let n = 0; n < most; n++) {
      if (await page.evaluate((s) => document.activeElement?.matches(s) ?? false, selector)) return;
      await key("Tab");
    }
    throw new Error(`no ${selector} within ${most} tabs`);
  };

  await w.test("a long column shows a page, its number, and more when asked by a key", async () => {
    await becomes(() => drafts.count(), 40, "cards at first");
    await page.getByRole("heading", { name: new RegExp(`\\(${MANY}\\)`) }).waitFor();
    await page.locator(".desk-more").getByText(w.like("admission.shown")).waitFor();
    await page.locator("[data-state=draft] + .desk-more button").focus();
    await key("Enter");
    await becomes(() => drafts.count(), 80, "cards after more");
    await becomes(focused, await keyOf(40), "the first new card has the focus");
    await page.locator("[data-state=draft] + .desk-more button").focus();
    await key("Enter");
    await becomes(() => drafts.count(), MANY, "cards after all");
    await becomes(() => page.locator("[data-state=draft] + .desk-more").count(), 0, "ways to more than all");
    await w.shot(page, "admission-many");
  });

  await w.test("the arrow keys go through the cards and the columns", async () => {
    await page.goto(`/admission?q=${stem}`);
    await becomes(() => drafts.count(), 40, "cards");
    await page.locator("[data-state=submitted] .desk-card").waitFor();
    await tabTo(".desk-card");
    await becomes(focused, await keyOf(0), "the first card");
    await key("ArrowDown");
    await key("ArrowDown");
    await becomes(focused, await keyOf(2), "two further down");
    await key("ArrowUp");
    await becomes(focused, await keyOf(1), "one up again");
    await key("ArrowRight");
    await becomes(focused, card(MANY), "the card of the next column");
    await key("ArrowLeft");
    await becomes(focused, await keyOf(0), "back in the first");
    await key("End");
    await becomes(focused, await keyOf(39), "the last that is shown");
    await key("Home");
    await becomes(focused, await keyOf(0), "the first");
  });

  await w.test("a card is opened, left and stepped on without a mouse", async () => {
    const first = await keyOf(0);
    await key("Enter");
    await page.locator(".desk-step[data-step=submit]").getByRole("button").waitFor();
    await key("Escape");
    await becomes(() => page.locator(".desk-step").count(), 0, "steps after Esc");
    await becomes(focused, first, "the focus is back on its card");
    await key("Enter");
    const submit = page.locator(".desk-step[data-step=submit]").getByRole("button");
    await submit.waitFor();
    await holds(() => submit.isEnabled(), "the step can be taken");
    await tabTo(".desk-step[data-step=submit] button");
    await key("Enter");
    await page.locator(".ant-modal #reason").waitFor();
    await tabTo(".ant-modal #reason");
    await page.keyboard.type("đủ hồ sơ");
    await tabTo(".ant-modal-footer .ant-btn-primary");
    await key("Enter");
    await becomes(async () => (await w.api("GET", `/device/${first}`)).state, "submitted", "the state");
    await w.shot(page, "admission-keys");
  });

  await w.test("a step says which findings it would open, on the desk and on the record's page", async () => {
    const net = await w.api("POST", "/network", { code: `M-${w.stamp}`, name: `Mạng ${w.stamp}`, kind: "intranet" });
    const base = `10.${200 + (w.lang === "vi" ? 1 : 2)}.${Number.parseInt(w.stamp, 36) % 250}`;
    const prefix = await w.api("POST", "/prefix", { prefix: `${base}.0/24`, network: net.id });
    const held = await w.api("POST", "/device", { code: `${stem}-GIU`, name: "Máy giữ địa chỉ", category: "workstation", unit: stem, serial: `${stem}-GIU` });
    await w.api("POST", "/address", { ip: `${base}.7`, prefix: prefix.id, device: held.id });
    const modal = page.locator(".ant-modal").filter({ visible: true });
    const foretold = async (shot) => {
      const row = modal.locator(".plan-checks tr", { hasText: "Máy giữ địa chỉ" });
      await row.getByText(w.t("check_effect.opens"), { exact: true }).waitFor();
      await modal.locator(".plan-checks a[href*='retired-device-has-no-address']").waitFor();
      await w.shot(page, shot);
      await page.keyboard.press("Escape");
      await modal.waitFor({ state: "hidden" });
    };
    await page.goto(`/admission?q=${stem}&record=${held.id}`);
    await page.locator(".desk-step[data-step=retire]").getByRole("button").click();
    await foretold("admission-checks");
    await page.goto(`/registry/device/${held.id}`);
    await page.locator(".life").getByRole("button", { name: w.lang === "vi" ? "Ngừng dùng" : "Retire", exact: true }).click();
    await foretold("record-step-checks");
    await becomes(async () => (await w.api("GET", `/device/${held.id}`)).state, "draft", "the state, as no step was taken");
  });
});
