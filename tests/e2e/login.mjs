import { check, equal } from "./tap.mjs";

const BOX = { account: "#account", password: "#password" };

async function logOut(page, w) {
  await page.locator("header .ant-dropdown-trigger").click();
  await page.getByText(w.t("shell.log_out"), { exact: true }).click();
  await page.locator(BOX.account).waitFor();
}

/** The first password came from the daemon; the console lets nobody past without an own one. */
async function changeFirst(page, w) {
  const next = process.env.LUY_NEW_PASSWORD ?? `Tre-Xanh!${w.shared.stamp}+ngoai-luy-71`;
  const box = page.locator("input[type=password]");
  await box.nth(0).fill(w.shared.password);
  await box.nth(1).fill("abc");
  await box.nth(2).fill("abc");
  await page.keyboard.press("Enter");
  await page.locator(".ant-form-item-explain-error").first().waitFor();
  await w.shot(page, "password-refused");
  await box.nth(0).fill(w.shared.password);
  await box.nth(1).fill(next);
  await box.nth(2).fill(next);
  await page.keyboard.press("Enter");
  w.shared.password = next;
}

export default async function run(w) {
  const page = await w.open("/");

  await w.test("opens on the login form, in the chosen language, focus on the account", async () => {
    const nav = page.locator("nav");
    await page.locator(`${BOX.account}, nav.ant-menu, .nav-item`).first().waitFor();
    if (await nav.count()) await logOut(page, w);
    await page.reload();
    await page.getByRole("heading", { name: w.t("login.title") }).waitFor();
    equal(await page.evaluate(() => document.documentElement.lang), w.lang, "lang of the page");
    equal(await page.evaluate(() => document.activeElement?.id), "account", "the focus");
    await w.shot(page, "login");
  });

  await w.test("an empty form names what is missing", async () => {
    await page.keyboard.press("Enter");
    await page.getByText(w.t("login.account_need")).waitFor();
    await page.getByText(w.t("login.password_need")).waitFor();
  });

  await w.test("a wrong password is refused with advice", async () => {
    await page.locator(BOX.account).fill(`nobody-${w.shared.stamp}-${w.lang}`);
    await page.locator(BOX.password).fill("not the password");
    await page.keyboard.press("Enter");
    await page.getByText(w.t("login.wrong_do")).waitFor();
    await w.shot(page, "login-wrong");
  });

  await w.test("enough wrong passwords lock the account, and the message says until when", async () => {
    const victim = `lock-${w.shared.stamp}-${w.lang}`;
    const locked = page.getByText(w.t("login.locked"), { exact: true });
    await page.locator(BOX.account).fill(victim);
    for (let i = 0; i < 12 && !(await locked.count()); i++) {
      await page.locator(BOX.password).fill(`wrong ${i}`);
      const answer = page.waitForResponse((r) => r.url().endsWith("/api/v1/session") && r.request().method() === "POST");
      await page.keyboard.press("Enter");
      await answer;
      await page.locator("button[type=submit]:not(.ant-btn-loading)").waitFor();
    }
    await locked.waitFor();
    await w.shot(page, "login-locked");
  });

  await w.test("logs in with the keyboard alone", async () => {
    await page.reload();
    await page.waitForFunction(() => document.activeElement?.id === "account");
    await page.keyboard.type(w.shared.account);
    await page.keyboard.press("Tab");
    equal(await page.evaluate(() => document.activeElement?.id), "password", "Tab leads to the password");
    await page.keyboard.type(w.shared.password);
    await page.keyboard.press("Enter");
    await page.locator(".nav-item, .alone input[type=password] >> nth=2").first().waitFor();
    if (await page.getByRole("heading", { name: w.t("password.first_title") }).count()) await changeFirst(page, w);
    await page.locator(".nav-item").first().waitFor();
  });

  await w.test("the skip link is the first stop and leads to the content", async () => {
    await page.goto("/");
    await page.locator("h1").waitFor();
    await page.keyboard.press("Tab");
    equal(await page.evaluate(() => document.activeElement?.textContent), w.t("shell.skip"), "the first stop");
    await page.keyboard.press("Enter");
    equal(await page.evaluate(() => document.activeElement?.id), "main", "where it leads");
  });

  await w.test("every page of the navigation has a word beside its icon", async () => {
    for (const item of await page.locator(".nav-item").all()) check((await item.innerText()).trim().length > 2, "a nameless icon");
  });
}
