import { suite } from "./_suite.mjs";
import { becomes, check, equal, holds } from "./_tap.mjs";

const NEW = "Tre-Xanh!ngoai-luy-7391";

/** An account of the registry with a role and a first password, as an administrator hands it out. */
async function makeLogin(w, name) {
  const unit = (await w.api("GET", "/unit?limit=1")).items[0];
  const person = await w.api("POST", "/person", { code: name, name: "Nguyễn Thị Thử", unit: unit.id });
  // As stock from before the registry: whoever asks for an account does not approve it too.
  const account = await w.api("POST", "/account", { name, kind: "user", person: person.id, state: "active" });
  await w.api("POST", "/role_grant", { account: account.id, role: "auditor" });
  return (await w.api("POST", "/logins", { account: name })).one_time_password;
}

await suite("login", async (w) => {
  const name = `e2e-${w.stamp.toLowerCase()}`;
  const first = await makeLogin(w, name);
  // Somebody who is not yet known: the suite's own login stays out of it.
  await w.context.clearCookies();
  const page = await w.open("/findings?state=any");
  const account = page.locator("#account");
  const password = page.locator("#password");
  const focus = () => page.evaluate(() => document.activeElement?.id);
  const submit = async (who, what) => {
    await account.fill(who);
    await password.fill(what);
    const answer = page.waitForResponse((r) => r.url().endsWith("/api/v1/session") && r.request().method() === "POST");
    await page.keyboard.press("Enter");
    const status = (await answer).status();
    await page.locator("button[type=submit]:not(.ant-btn-loading)").waitFor();
    return status;
  };

  await w.test("whoever is not logged in meets the form, in the chosen language, focus on the account", async () => {
    await page.getByRole("heading", { name: w.t("login.title") }).waitFor();
    await becomes(() => page.evaluate(() => document.documentElement.lang), w.lang, "lang of the page");
    await becomes(focus, "account", "the focus");
    await w.shot(page, "login");
  });

  await w.test("an empty form names what is missing", async () => {
    await page.keyboard.press("Enter");
    await page.getByText(w.t("login.account_need")).waitFor();
    await page.getByText(w.t("login.password_need")).waitFor();
  });

  await w.test("a wrong password is refused with advice", async () => {
    equal(await submit(name, "not the password"), 401, "status");
    await page.getByText(w.t("login.wrong_do")).waitFor();
    await w.shot(page, "login-wrong");
  });

  await w.test("the keyboard alone logs in, and a first password must be changed", async () => {
    await page.reload();
    await page.waitForFunction(() => document.activeElement?.id === "account");
    await page.keyboard.type(name);
    await page.keyboard.press("Tab");
    await becomes(focus, "password", "Tab leads to the password");
    await page.keyboard.type(first);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: w.t("password.first_title") }).waitFor();
    await becomes(() => page.locator(".nav-item").count(), 0, "ways past it");
    await page.waitForFunction(() => document.activeElement?.id === "old");
    await page.keyboard.type(first);
    for (let i = 0; i < 2; i++) {
      await page.keyboard.press("Tab");
      if ((await focus()) !== ["next", "again"][i]) await page.keyboard.press("Tab");
      await page.keyboard.type("abc");
    }
    const answer = page.waitForResponse((r) => r.url().endsWith("/api/v1/password"));
    await page.keyboard.press("Enter");
    equal((await answer).status(), 422, "status");
    await page.locator(".ant-form-item-has-error #next").waitFor();
    await page.locator("button[type=submit]:not(.ant-btn-loading)").waitFor();
    await w.shot(page, "password-refused");
  });

  await w.test("a good password opens the page that was asked for", async () => {
    await page.locator("#old").fill(first);
    await page.locator("#next").fill(NEW);
    await page.locator("#again").fill(NEW);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: w.t("nav.findings"), level: 1 }).waitFor();
    check(page.url().endsWith("/findings?state=any"), page.url());
  });

  await w.test("the skip link is the first stop and leads to the content", async () => {
    await page.goto("/");
    await page.locator("h1").waitFor();
    await page.keyboard.press("Tab");
    await becomes(() => page.evaluate(() => document.activeElement?.textContent), w.t("shell.skip"), "the first stop");
    await page.keyboard.press("Enter");
    await becomes(focus, "main", "where it leads");
  });

  await w.test("every page of the navigation has a word beside its icon", async () => {
    const items = await page.locator(".nav-item").all();
    equal(items.length, 11, "pages");
    for (const item of items) await holds(async () => (await item.innerText()).trim().length > 2, "a nameless icon");
  });

  await w.test("an auditor is not offered what only others may do", async () => {
    await page.goto("/registry/unit");
    await page.getByRole("button", { name: w.t("registry.export_csv") }).waitFor();
    await becomes(() => page.getByRole("link", { name: w.t("registry.new") }).count(), 0, "links to a form");
    await page.goto("/system");
    await page.getByRole("tab", { name: w.t("system.tokens"), exact: true }).waitFor();
    await becomes(() => page.getByRole("tab", { name: w.t("system.logins"), exact: true }).count(), 0, "the tab of logins");
  });

  await w.test("logging out shows the form again", async () => {
    await page.locator("header .ant-dropdown-trigger").click();
    await page.getByText(w.t("shell.log_out"), { exact: true }).click();
    await account.waitFor();
  });

  await w.test("enough wrong passwords lock the account, and the message says until when", async () => {
    let status = 0;
    for (let i = 0; i < 30 && status !== 423; i++) status = await submit(name, `wrong ${i}`);
    equal(status, 423, "status");
    await page.getByText(w.t("login.locked"), { exact: true }).waitFor();
    await holds(async () => /\d{1,2}:\d{2}/.test(await page.locator(".ant-alert-error").innerText()), "no time in the message");
    await w.shot(page, "login-locked");
  });

  await w.test("an administrator sees the lock and takes it away", async () => {
    await account.fill(w.account);
    await password.fill(w.password);
    await page.keyboard.press("Enter");
    await page.locator(".nav-item").first().waitFor();
    await page.goto("/system?tab=logins");
    const row = page.locator(".ant-table-row", { hasText: name });
    await row.getByText(w.like("logins.locked")).waitFor();
    await w.shot(page, "logins");
    await row.getByRole("button", { name: w.t("logins.unlock") }).click();
    await row.getByText(w.like("logins.locked")).waitFor({ state: "detached" });
  });
});
