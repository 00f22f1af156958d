import { suite } from "./_suite.mjs";
import { check } from "./_tap.mjs";

await suite("today", async (w) => {
  const page = await w.open("/");

  await w.test("opens with the sentence that answers, then the rows behind it", async () => {
    await page.getByRole("heading", { name: w.t("today.title"), level: 1 }).waitFor();
    await page.locator(".tile").first().waitFor();
    const sentence = await page.locator(".answer").innerText();
    check(sentence.trim().length > 10, `the sentence is ${JSON.stringify(sentence)}`);
    for (const key of ["today.newest", "today.by_clause", "today.by_unit", "today.duties", "today.sources", "today.drops", "today.checks"]) {
      await page.getByRole("heading", { name: w.t(key), exact: true }).waitFor();
    }
    await w.shot(page, "today");
  });

  await w.test("the live stream is connected", async () => {
    await page.locator(".live:not(.live-lost)").waitFor();
  });

  await w.test("a new finding appears by itself, marked as new", async () => {
    // A unit without an IT officer breaks a clause of all four texts; the check says so when it runs.
    const unit = await w.api("POST", "/unit", { code: `SONG-${w.stamp}`, name: `Đơn vị ${w.stamp}`, tier: "commune" });
    await w.api("POST", "/controls/run?control=unit-has-it-officer", {});
    const row = page.locator(".ant-table-row", { hasText: w.stamp });
    await row.locator(".fresh").waitFor();
    await w.shot(page, "today-live");
    await w.api("DELETE", `/unit/${unit.id}`, undefined, { "If-Match": `"${unit.rev}"` });
  });

  await w.test("the page does not scroll sideways at 1280", async () => {
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(over <= 0, `${over} px too wide`);
  });
});
