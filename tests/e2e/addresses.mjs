import { takeContainer } from "./_prefix.mjs";
import { suite } from "./_suite.mjs";
import { becomes, holds } from "./_tap.mjs";

await suite("addresses", async (w) => {
  const page = await w.open("/");
  await w.api("POST", "/network", { code: `N${w.stamp}`, name: "Mạng thử", kind: "intranet" });
  const { prefix: root, net } = await takeContainer(w, `N${w.stamp}`);
  const at = (prefix) => `/addresses?prefix=${encodeURIComponent(prefix)}`;

  await w.test("a container shows what is in it; a gap is given out as a prefix", async () => {
    await w.api("POST", `/prefix/${encodeURIComponent(root)}/allocate`, { length: 24 });
    await page.goto("/addresses");
    await page.getByRole("link", { name: root }).click();
    await page.getByRole("heading", { name: root, level: 1 }).waitFor();
    await page.locator(".addr-prefix", { hasText: `${net(0)}.0/24` }).waitFor();
    await w.shot(page, "addresses");
    await page.locator(".addr-gap", { hasText: `${net(1)}.0/24` }).getByRole("button").click();
    await page.locator(".give-ahead", { hasText: `${net(1)}.0/24` }).waitFor();
    await page.locator(".ant-modal-footer .ant-btn-primary").click();
    await page.locator(".addr-prefix", { hasText: `${net(1)}.0/24` }).waitFor();
  });

  await w.test("the dialog says which addresses it will give, gives them, and they are there", async () => {
    await page.goto(at(`${net(0)}.0/24`));
    await page.getByRole("button", { name: w.t("addr.next_free") }).click();
    await page.locator("#give-count").fill("20");
    await page.locator("#give-name").fill("may{n}.thu.example");
    await page.locator(".give-ahead", { hasText: `${net(0)}.1,` }).waitFor();
    await w.shot(page, "addresses-give");
    await page.locator(".ant-modal-footer .ant-btn-primary").click();
    await page.locator(".addr-address", { hasText: "may20.thu.example" }).waitFor();
    await becomes(() => page.locator(".addr-address").count(), 20, "addresses");
    await w.shot(page, "addresses-given");
  });

  await w.test("more than there are is refused before it is sent", async () => {
    await page.getByRole("button", { name: w.t("addr.next_free") }).click();
    await page.locator("#give-count").fill("1000");
    await page.locator(".give-ahead", { hasText: /1[.,]?000/ }).waitFor();
    await holds(() => page.locator(".ant-modal-footer .ant-btn-primary").isDisabled(), "it can be sent");
    await page.keyboard.press("Escape");
  });
});
