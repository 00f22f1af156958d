// Three people bring a device into the network, each in a browser of their own; then the work after it:
// addresses, an inventory with mistakes, its undoing under four eyes, the why of it, and the chain.
import { openBrowser } from "./_browser.mjs";
import { takeContainer } from "./_prefix.mjs";
import { suite } from "./_suite.mjs";
import { PATIENCE, becomes, check, equal, holds } from "./_tap.mjs";
import { workbook } from "./_workbook.mjs";

const PASSWORD = "Tre-Xanh!ngoai-luy-7391";

/** An account with roles, logged in, in a browser of its own. */
async function enter(w, name, roles, unit) {
  const person = await w.api("POST", "/person", { code: name, name: `Người ${name}`, unit: unit.id });
  const account = await w.api("POST", "/account", { name, kind: "user", person: person.id, state: "active" });
  for (const role of roles) await w.api("POST", "/role_grant", { account: account.id, role, unit: unit.id });
  const once = (await w.api("POST", "/logins", { account: name })).one_time_password;
  const browser = await openBrowser(w.url, w.lang);
  const call = async (method, path, data, headers = {}) => browser.context.request.fetch(`/api/v1${path}`, { method, data, headers, timeout: PATIENCE });
  const first = await (await call("POST", "/session", { account: name, password: once })).json();
  const changed = await call("POST", "/password", { old: once, new: PASSWORD }, { "X-CSRF-Token": first.csrf });
  check(changed.ok(), `password of ${name}: ${changed.status()}`);
  const answer = await call("POST", "/session", { account: name, password: PASSWORD });
  check(answer.ok(), `login of ${name}: ${answer.status()}`);
  const page = await w.open("/admission", browser.context);
  await page.getByRole("heading", { name: w.t("nav.admission"), level: 1 }).waitFor();
  return { browser, page, name };
}

await suite("walk", async (w) => {
  const code = `DI-${w.stamp}`;
  const unit = await w.api("POST", "/unit", { code, name: "Đơn vị đi dạo", tier: "department" });
  const people = [];
  const person = async (name, roles) => {
    const p = await enter(w, `${name}-${w.stamp.toLowerCase()}`, roles, unit);
    people.push(p);
    return p;
  };
  const test = (title, body) =>
    w.test(title, async () => {
      await body();
      const wrongs = people.flatMap((p) => p.browser.takeWrongs());
      check(wrongs.length === 0, `a browser complained:\n${wrongs.join("\n")}`);
    });
  const state = async (key) => (await w.api("GET", `/device/${key}`)).state;
  const confirm = async (page, reason, first) => {
    const modal = page.locator(".ant-modal").filter({ visible: true });
    await modal.waitFor();
    await first?.(modal);
    if (reason) await modal.locator("#reason").fill(reason);
    await modal.locator(".ant-modal-footer .ant-btn-primary").click();
    await modal.waitFor({ state: "hidden" });
  };
  const step = (page, name) => page.locator(`.desk-step[data-step=${name}]`);
  const take = async (page, name) => {
    await step(page, name).getByRole("button").click();
    await confirm(page, "đủ hồ sơ");
    await step(page, name).waitFor({ state: "detached" });
  };
  const openCard = async (p, at, key) => {
    await p.page.goto(`/admission?q=${key}`);
    await p.page.locator(`[data-state=${at}] .desk-card`, { hasText: key }).click();
    await p.page.locator(".desk-step").first().waitFor();
  };
  const change = async (page, name, reason, first) => {
    await page.locator(".page-head .actions").getByRole("button", { name: w.t(`change_step.${name}`), exact: true }).click();
    await confirm(page, reason, first);
  };
  /** The effect of a set comes late, on a slow machine; show() lets it through. */
  const slowPlan = async (page) => {
    let show;
    const shown = new Promise((done) => (show = done));
    await page.route(/\/changes\/\d+\/plan$/, (route) => shown.then(() => route.continue()));
    return show;
  };
  const answerAll = async (form, answer) => {
    for (const q of await form.locator(".question").all()) await q.getByRole("radio", { name: w.t(`answer.${answer}`), exact: true }).check();
  };

  try {
    const officer = await person("canbo", ["unit_officer"]);
    const inspector = await person("kiemtra", ["operator"]);
    const approver = await person("duyet", ["approver", "unit_officer"]);
    const device = `${code}-PC`;
    const own = `${code}-RIENG`;

    const declare = async (p, key) => {
      await p.page.goto("/admission");
      await p.page.getByRole("link", { name: w.t("admission.declare") }).click();
      await p.page.locator("#field-code").fill(key);
      await p.page.locator("#field-name").fill(`Máy ${key}`);
      await p.page.locator("#field-category").click();
      await p.page.locator(".ant-select-dropdown:visible .ant-select-item-option").first().click();
      await p.page.locator("#field-unit").fill(code);
      await p.page.locator(".ant-select-dropdown:visible .ant-select-item-option").filter({ hasText: "Đơn vị đi dạo" }).first().click();
      await p.page.locator("#field-serial").fill(key);
      await p.page.locator("button[type=submit]").click();
      await p.page.waitForURL(/\/registry\/device\/\d+$/);
      await openCard(p, "draft", key);
      await take(p.page, "submit");
      await becomes(() => state(key), "submitted", "the state");
    };

    await test("the unit's officer declares a device, and may take no step of the others", async () => {
      await declare(officer, device);
      await step(officer.page, "inspect").waitFor();
      await becomes(() => step(officer.page, "inspect").getByRole("button").count(), 0, "buttons of a step that is not the officer's");
      await w.shot(officer.page, "walk-officer");
    });

    const inspect = async (key, careless) => {
      const { page } = inspector;
      await openCard(inspector, "submitted", key);
      await take(page, "inspect");
      await becomes(() => step(page, "approve").getByRole("button").count(), 0, "buttons of the approver's step");
      await page.getByRole("button", { name: w.t("admission.write"), exact: true }).click();
      const form = page.locator(".proof-form");
      await form.locator("#proof-verdict").click();
      await page.locator(".ant-select-dropdown:visible .ant-select-item-option").first().click();
      await form.locator("#proof-valid_until").fill("31/12/2099");
      await page.keyboard.press("Tab");
      await answerAll(form, "yes");
      if (careless) await careless(form, page);
      await form.locator("button[type=submit]").click();
      await form.waitFor({ state: "detached" });
      await page.locator(".proof .mark.good").first().waitFor();
    };

    await test("the inspector answers the checklist; a pass with a no is refused at its question", async () => {
      await inspect(device, async (form, page) => {
        const question = form.locator(".question").nth(1);
        await question.getByRole("radio", { name: w.t("answer.no"), exact: true }).check();
        await form.locator("button[type=submit]").click();
        await form.locator(".wrong").first().waitFor();
        await w.shot(page, "walk-refused");
        await question.getByRole("radio", { name: w.t("answer.yes"), exact: true }).check();
      });
      await w.shot(inspector.page, "walk-inspector");
      const proof = (await w.api("GET", `/inspection?device=${device}`)).items[0];
      equal(`${proof.verdict} ${proof.valid_until} ${proof.answers.serial_matches}`, "pass 2099-12-31 yes", "the inspection");
    });

    await test("the approver sees that nothing is missing and approves; the inspector lets it in", async () => {
      const { page } = approver;
      await openCard(approver, "inspecting", device);
      await step(page, "approve").locator(".mark.good").waitFor();
      await w.shot(page, "walk-approver");
      await take(page, "approve");
      await becomes(() => state(device), "approved", "the state");
      await openCard(inspector, "approved", device);
      await take(inspector.page, "admit");
      await becomes(() => state(device), "admitted", "the state");
    });

    await test("nobody approves the own one: the desk says so and offers no way", async () => {
      const { page } = approver;
      await declare(approver, own);
      await inspect(own);
      await openCard(approver, "inspecting", own);
      await step(page, "approve").locator(".missing").waitFor();
      await holds(() => step(page, "approve").getByRole("button").isDisabled(), "it can be sent");
      await w.shot(page, "walk-own");
      await becomes(() => state(own), "inspecting", "the state");
    });

    await test("twenty addresses are given out in a prefix", async () => {
      const { page } = inspector;
      await w.api("POST", "/network", { code: `M${w.stamp}`, name: "Mạng đi dạo", kind: "intranet" });
      const prefix = `${(await takeContainer(w, `M${w.stamp}`)).net(0)}.0/24`;
      await w.api("POST", "/prefix", { prefix, network: `M${w.stamp}`, unit: unit.id });
      await page.goto(`/addresses?prefix=${encodeURIComponent(prefix)}`);
      await page.getByRole("button", { name: w.t("addr.next_free") }).click();
      await page.locator("#give-count").fill("20");
      await page.locator(".give-ahead", { hasText: prefix.replace(".0/24", ".1,") }).waitFor();
      await page.locator(".ant-modal-footer .ant-btn-primary").click();
      await page.locator(".addr-address").nth(19).waitFor();
      await becomes(() => page.locator(".addr-address").count(), 20, "addresses");
    });

    const rows = (kind) => w.api("GET", `/${kind}?code__ic=${code}-N&count=1`).then((p) => p.total);
    const devices = [
      ["code", "name", "category", "unit.code", "bought_on"],
      [`${code}-N1`, "Máy nhập một", "laptop", code, "31/12/2025"],
      [`${code}-N2`, "Máy nhập hai", "printer", code, ""],
    ];
    const sets = [["code", "name", "unit.code"], [`${code}-N3`, "Nhóm nhập", code]];
    const give = (sheets) =>
      inspector.page.locator("input[type=file]").setInputFiles({
        name: "kiem-ke.xlsx",
        mimeType: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        buffer: workbook(sheets),
      });

    await test("three mistakes of a workbook are told at row and column; mended, it comes in", async () => {
      const { page } = inspector;
      const wrong = devices.map((r) => [...r]);
      wrong[1][4] = "31/13/2025";
      wrong[2][2] = "xe-dap";
      await page.goto("/registry/import");
      await give({ device: wrong, object_set: [sets[0], [sets[1][0], sets[1][1], "KHONG-CO"]] });
      await page.locator(".import-errors .ant-table-row").nth(2).waitFor();
      const told = await page.locator(".import-errors .ant-table-row").allInnerTexts();
      equal(told.map((r) => r.split(/\s+/).slice(0, 3).join(" ")).join("; "), "device 2 bought_on; device 3 category; object_set 2 unit.code", "the mistakes");
      await becomes(async () => `${await rows("device")} ${await rows("object_set")}`, "0 0", "what was written");
      await give({ device: devices, object_set: sets });
      await page.getByRole("button", { name: w.like("import.do") }).click();
      await page.getByText(w.like("import.done")).waitFor();
      await becomes(async () => `${await rows("device")} ${await rows("object_set")}`, "2 1", "what was written");
    });

    await test("it is taken back by the inverse set, which another person approves", async () => {
      const { page } = inspector;
      await page.getByRole("link", { name: w.t("import.undo") }).click();
      await page.waitForURL(/\/changes\/\d+$/);
      await change(page, "revert", "nhập thử");
      await page.getByText(w.t("change_answer.draft")).waitFor();
      await change(page, "submit");
      await page.getByText(w.t("change_answer.submitted")).waitFor();
      await becomes(() => page.getByRole("button", { name: w.t("change_step.apply"), exact: true }).count(), 0, "ways to apply what nobody approved");
      await becomes(() => page.getByRole("button", { name: w.t("change_step.approve"), exact: true }).count(), 0, "ways to approve the own set");
      const path = new URL(page.url()).pathname;
      const show = await slowPlan(approver.page);
      await approver.page.goto(path);
      await change(approver.page, "approve", "", async (modal) => {
        await holds(() => modal.locator(".ant-btn-primary").isDisabled(), "nobody approves what has not been shown");
        show();
        await modal.locator(".history-head").nth(2).waitFor();
      });
      await approver.page.getByText(w.t("change_answer.approved")).first().waitFor();
      await w.shot(approver.page, "walk-approved");
      await page.goto(path);
      await change(page, "apply");
      await page.getByText(w.t("change_answer.applied")).first().waitFor();
      await becomes(async () => `${await rows("device")} ${await rows("object_set")}`, "0 0", "what is left");
    });

    await test("why: the record names the set, who approved it, and what it rests on", async () => {
      const { page } = inspector;
      const gone = (await w.api("GET", `/object_set?code=${code}-N3&ended=1`)).items[0];
      await page.goto(`/registry/object_set/${gone.id}?tab=why`);
      await page.locator(".ant-table-row", { hasText: approver.name }).locator("a[href^='/changes/']").waitFor();
      const let_in = await w.api("GET", `/device/${device}`);
      await page.goto(`/registry/device/${let_in.id}?tab=why`);
      await page.locator("a[href^='/registry/inspection/']").first().waitFor();
      await w.shot(page, "walk-why");
    });

    await test("the chain of the history is whole, and says over how many rows", async () => {
      const { page } = inspector;
      await page.goto("/system");
      const answer = page.waitForResponse((r) => r.url().endsWith("/api/v1/registry/verify"));
      await page.getByRole("button", { name: w.t("system.verify_do") }).click();
      const seen = await (await answer).json();
      equal(seen.bad_seq, 0, "the first broken link");
      await page.getByText(w.like("system.verify_good")).waitFor();
      await w.shot(page, "walk-verified");
    });
  } finally {
    for (const p of people) await p.browser.close();
  }
});
