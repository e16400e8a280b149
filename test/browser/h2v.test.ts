import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "mocha";
import type { Browser } from "playwright-core";
import type { NodeRedProcess } from "../../scripts/node-red-process.mjs";
import { readExample } from "../examples/tapped-example.ts";
import { openBrowser, openPage, startHouse, WIDTHS } from "./browser.ts";
import { findSerious, findSmallTargets, isDark, shootWhole, sidewaysPx, textOf } from "./dashboard-page.ts";

const PAGE = "/dashboard/h2v";

describe("the H2V page", function () {
  this.timeout(180_000);
  let browser: Browser;
  let nodeRed: NodeRedProcess;

  before(async () => {
    [browser, nodeRed] = await Promise.all([openBrowser(), startHouse(readExample("dashboard/22 - H2V.json"))]);
  });
  after(async () => {
    await browser?.close();
    await nodeRed?.stop();
  });

  for (const theme of ["light", "dark"] as const) {
    for (const [name, widthPx] of Object.entries({ desk: WIDTHS.desk, phone: WIDTHS.phone })) {
      it(`says what the house draws and is usable: ${name}, ${theme}`, async () => {
        const { page, complaints, close } = await openPage(browser, nodeRed.url + PAGE, { widthPx, theme });
        await page.locator(".ev-h2v-number", { hasText: "kW" }).waitFor({ timeout: 90_000 });
        assert.match(await textOf(page, "h1"), /^The (house uses|car charges at) \d\.\d+.kW/);
        assert.deepEqual(await findSerious(page), []);
        assert.deepEqual(await findSmallTargets(page), []);
        assert.equal(await sidewaysPx(page), 0);
        assert.equal(await isDark(page), theme === "dark");
        await shootWhole(page, `h2v-${name}-${theme}`);
        assert.deepEqual(complaints, []);
        await close();
      });
    }
  }

  it("hands the report of this month out, in Japanese, and it looks like a sheet of paper", async () => {
    const { page, close } = await openPage(browser, nodeRed.url + PAGE, { widthPx: WIDTHS.desk, theme: "light" });
    const button = page.getByRole("button", { name: "Page to print" });
    await button.waitFor();
    const [download] = await Promise.all([page.waitForEvent("download", { timeout: 60_000 }), button.click()]);
    assert.match(download.suggestedFilename(), /^\d{4}-\d\d-report\.html$/);
    const html = readFileSync(await download.path(), "utf8");
    await page.setContent(html);
    assert.match(await textOf(page, "h1"), /電力使用月報/);
    assert.equal(await page.locator("section.year tbody tr").count(), 12);
    assert.deepEqual(await findSerious(page), []);
    await shootWhole(page, "h2v-report-ja");
    await close();
  });

  it("says why there is no report", async () => {
    const { page, close } = await openPage(browser, nodeRed.url + PAGE, { widthPx: WIDTHS.phone, theme: "light" });
    await page.locator('input[type="month"]').fill("1999-01");
    await page.getByRole("button", { name: "Summary text" }).click();
    await page.locator(".ev-h2v-report .ev-note", { hasText: "Nothing was recorded in 1999-01" }).waitFor();
    await close();
  });
});
