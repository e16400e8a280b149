import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "mocha";
import type { Browser, Download, Locator, Page } from "playwright-core";
import type { NodeRedProcess } from "../../scripts/node-red-process.mjs";
import { readExample } from "../examples/tapped-example.ts";
import { parseCsv } from "../support/csv-reader.ts";
import { openBrowser, openEditor, openPage, startHouse, type Theme, WIDTHS, type WatchedPage } from "./browser.ts";
import { findSerious, findSmallTargets, isDark, shootWhole, sidewaysPx, textOf } from "./dashboard-page.ts";

const PAGE = "/dashboard/charging-sessions";
/** The charger shows a plug within two seconds, and a session is closed 15 s after the car has left. */
const CHARGER_MS = 40_000;

describe("the charging sessions page", function () {
  this.timeout(180_000);
  let browser: Browser;
  let nodeRed: NodeRedProcess;

  before(async () => {
    const house = startHouse([
      ...readExample("dashboard/21 - Charging sessions.json"),
      ...readExample("dashboard/20 - Home energy.json").filter(({ type }) => type === "ui-page"),
    ]);
    [browser, nodeRed] = await Promise.all([openBrowser(), house]);
  });
  after(async () => {
    await browser?.close();
    await nodeRed?.stop();
  });

  /** The page, alive: the charger has spoken and the lists are there. */
  async function openSessions(
    look: { widthPx: number; heightPx?: number; theme: Theme } = { widthPx: WIDTHS.desk, theme: "light" },
  ): Promise<WatchedPage> {
    const opened = await openPage(browser, nodeRed.url + PAGE, look);
    await opened.page.locator(".ev-verbs button:enabled").first().waitFor({ timeout: 30_000 });
    await opened.page.locator(".ev-balance").waitFor();
    return opened;
  }
  const sentence = (page: Page): Promise<string> => textOf(page, "h1");
  const says = (page: Page, wanted: string): Promise<unknown> =>
    page.locator("h1", { hasText: new RegExp(wanted.replaceAll(" ", "\\s")) }).waitFor({ timeout: CHARGER_MS });
  const verb = (page: Page, name: string): Locator => page.locator(".ev-verbs button", { hasText: name });
  const isPressed = (page: Page, name: string): Promise<unknown> =>
    page.locator('.ev-verbs button[aria-pressed="true"]', { hasText: name }).waitFor({ timeout: CHARGER_MS });
  const plug = (page: Page): Locator => page.getByRole("switch", { name: /Car plugged in/ });
  async function setPlugged(page: Page, plugged: boolean): Promise<void> {
    if ((await plug(page).getAttribute("aria-checked")) !== String(plugged)) await plug(page).click();
    await page.locator(`[role="switch"][aria-checked="${plugged}"]`, { hasText: "Car plugged in" }).waitFor();
  }
  const rows = (page: Page): Locator => page.locator(".ev-list tbody tr");
  const cell = async (row: Locator, column: string): Promise<string> =>
    (await row.locator(`.ev-col-${column}`).innerText()).replaceAll("\u00a0", " ").trim();
  /** A whole session: plugged in, charged until 0.1 kWh, taken away and closed. */
  async function charge(page: Page): Promise<void> {
    const before = await rows(page).count();
    await setPlugged(page, true);
    await verb(page, "Charge now").click();
    await says(page, "Charging at \\d\\.\\d kW: 0\\.1 kWh since \\d\\d:\\d\\d, £0\\.\\d\\d so far\\.");
    await setPlugged(page, false);
    await says(page, "Nothing is plugged in\\.");
    await page.waitForFunction(
      ([count]) =>
        document.querySelectorAll(".ev-list tbody tr").length > Number(count) &&
        document.querySelector(".ev-running") === null,
      [before],
      { timeout: CHARGER_MS },
    );
  }
  async function fileFrom(page: Page, format: string): Promise<{ download: Download; bytes: Buffer }> {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: `Export as ${format}` }).click(),
    ]);
    return { download, bytes: readFileSync(await download.path()) };
  }

  it("tells what to do while there is no session yet", async () => {
    const { page, complaints, close } = await openSessions({ widthPx: WIDTHS.phone, theme: "light" });
    await setPlugged(page, false);
    await says(page, "Nothing is plugged in\\.");
    await page.getByText("No payment yet").waitFor();
    assert.deepEqual(await findSerious(page), []);
    assert.deepEqual(complaints, []);
    await shootWhole(page, "charging-sessions empty");
    await close();
  });

  it("follows a whole session: charging, paused, going on, gone, in the table once", async () => {
    const { page, complaints, close } = await openSessions();
    const before = await rows(page).count();
    await setPlugged(page, true);
    await verb(page, "Charge now").click();
    await isPressed(page, "Charge now");
    await says(page, "Charging at \\d\\.\\d kW: 0\\.1 kWh since \\d\\d:\\d\\d, £0\\.\\d\\d so far\\.");
    await shootWhole(page, "charging-sessions charging");
    await verb(page, "Pause").click();
    await isPressed(page, "Pause");
    await says(page, "Paused: 0\\.1 kWh since");
    await verb(page, "Let it be").click();
    await isPressed(page, "Let it be");
    await says(page, "Charging at");
    assert.equal(await rows(page).count(), before + 1, "one session, with a pause in it");
    await setPlugged(page, false);
    await says(page, "Nothing is plugged in\\. The last session: 0\\.\\d kWh today, £0\\.\\d\\d\\.");
    assert.equal(await rows(page).count(), before + 1);
    assert.match(await cell(rows(page).first(), "kWh"), /^0\.\d/);
    assert.match(await cell(rows(page).first(), "cost"), /^£0\.\d\d$/);
    assert.deepEqual(await findSerious(page), []);
    assert.deepEqual(complaints, []);
    await close();
  });

  for (const [screen, widthPx] of Object.entries(WIDTHS)) {
    for (const theme of ["light", "dark"] as const) {
      it(`is calm, reachable and readable on a ${screen} in ${theme}`, async () => {
        const { page, complaints, close } = await openSessions({ widthPx, heightPx: 844, theme });
        await rows(page).first().waitFor();
        await page.locator(".ev-sums").waitFor();
        await shootWhole(page, `charging-sessions ${screen} ${theme}`);
        assert.deepEqual(await findSerious(page), []);
        assert.deepEqual(await findSmallTargets(page), []);
        assert.ok((await sidewaysPx(page)) <= 0, "no scrolling sideways");
        assert.equal(await isDark(page), theme === "dark");
        assert.deepEqual(complaints, []);
        await close();
      });
    }
  }

  it("begins with the sentence, and leads to the other page", async () => {
    const { page, close } = await openSessions({ widthPx: WIDTHS.phone, theme: "light" });
    const first = await page.locator("h1, h2, button, input, select").first().innerText();
    assert.equal(first.replaceAll("\u00a0", " "), await sentence(page));
    const way = page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Home energy" });
    assert.equal(
      new URL(await way.evaluate((link: HTMLAnchorElement) => link.href)).pathname,
      "/dashboard/home-energy",
    );
    await close();
  });

  it("is walked through with the keyboard in reading order", async () => {
    const { page, close } = await openSessions();
    const names: string[] = [];
    for (let step = 0; step < 32; step++) {
      await page.keyboard.press("Tab");
      names.push(
        await page.evaluate(`(() => { const here = document.activeElement;
          return here.getAttribute("aria-label") ?? here.labels?.[0]?.innerText ?? here.innerText; })()`),
      );
    }
    const wanted =
      /Home energy.*Charge now.*Pause.*Let it be.*Show as a table.*Period.*Edit the session.*Period.*Days.*Add a payment.*Period.*Numbers.*Export as CSV.*XLSX.*JSON.*Car plugged in/s;
    assert.match(names.join(" | "), wanted);
    await close();
  });

  it("exports a CSV that says what the table says", async () => {
    const { page, complaints, close } = await openSessions();
    const { download, bytes } = await fileFrom(page, "CSV");
    assert.match(download.suggestedFilename(), /^[\w.-]+\.csv$/);
    const text = bytes.toString("utf8");
    assert.equal(text.charCodeAt(0), 0xfeff, "Excel needs the byte order mark");
    const [header = [], ...lines] = parseCsv(text, ",");
    const column = (name: RegExp): number => header.findIndex((title) => name.test(title));
    const energies = lines.map((line) => Number(line[column(/energy/i)]));
    const sessionLines = lines.slice(0, await rows(page).count());
    assert.equal(lines.length - sessionLines.length, 1, "a line per session and one of totals");
    for (const [index, line] of sessionLines.entries()) {
      const row = rows(page).nth(index);
      assert.equal(energies[index]?.toFixed(1), (await cell(row, "kWh")).replace(/[^\d.]/g, ""));
      assert.equal(`£${Number(line[column(/^cost/i)]).toFixed(2)}`, await cell(row, "cost"));
      assert.ok((await cell(row, "when")).includes(String(line[column(/start|from|begin/i)]).slice(11, 16)));
    }
    await page.getByText(/was handed to the browser/).waitFor();
    assert.deepEqual(complaints, []);
    await close();
  });

  it("writes the CSV with semicolons and decimal commas when asked, and the other formats as files that open", async () => {
    const { page, close } = await openSessions();
    await page.getByLabel("Numbers in the CSV file").selectOption({ value: "semicolon" });
    const csv = (await fileFrom(page, "CSV")).bytes.toString("utf8");
    const [header = [], first = []] = parseCsv(csv, ";");
    assert.match(String(first[header.findIndex((title) => /energy/i.test(title))]), /^\d+,\d+$/);
    const xlsx = await fileFrom(page, "XLSX");
    assert.match(xlsx.download.suggestedFilename(), /\.xlsx$/);
    const { default: readWorkbook } = await import("read-excel-file/node");
    const sheet = (await readWorkbook(xlsx.bytes)) as unknown as readonly unknown[];
    assert.ok(JSON.stringify(sheet).includes("0.1"), "the rows are in it");
    const { bytes } = await fileFrom(page, "JSON");
    assert.ok(JSON.stringify(JSON.parse(bytes.toString("utf8"))).includes("energyKwh"));
    await close();
  });

  it("corrects a session, refuses nonsense, and changes nothing when nothing was typed", async () => {
    const { page, complaints, close } = await openSessions({ widthPx: WIDTHS.phone, theme: "dark" });
    await rows(page).first().getByRole("button").click();
    const dialog = page.getByRole("dialog", { name: /^Session of/ });
    await dialog.waitFor();
    assert.deepEqual(await findSerious(page), []);
    assert.deepEqual(await findSmallTargets(page), []);
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByText("Nothing was changed.").waitFor();

    await rows(page).first().getByRole("button").click();
    await dialog.getByLabel("Vehicle").fill("Zoe <b>bold</b>");
    await dialog.getByLabel("Who").fill("Marie");
    await dialog.getByLabel("Odometer, km").fill("many");
    await dialog.getByLabel("Purpose").selectOption("business");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByRole("alert").getByText("The odometer is a number of kilometres.").waitFor();
    await shootWhole(page, "charging-sessions edit");
    await dialog.getByLabel("Odometer, km").fill("45300,5");
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved. The former version is kept.").waitFor();
    await rows(page).first().getByText("Marie, Zoe <b>bold</b>").waitFor();

    await rows(page).first().getByRole("button").click();
    assert.equal(await dialog.getByLabel("Odometer, km").inputValue(), "45300.5");
    assert.equal(await dialog.getByLabel("Purpose").inputValue(), "business");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    assert.deepEqual(complaints, []);
    await close();
  });

  it("keeps the account: a payment lessens what is due, and can be taken back after one question", async () => {
    const { page, close } = await openSessions();
    const balance = (): Promise<string> => textOf(page, ".ev-balance");
    const owed = Number.parseFloat((await balance()).replace(/[^\d.]/g, ""));
    assert.match(await balance(), /Still to be paid/);
    await page.getByRole("button", { name: "Add a payment" }).click();
    const dialog = page.getByRole("dialog", { name: "Add a payment" });
    await dialog.getByRole("button", { name: "Add", exact: true }).click();
    await dialog.getByRole("alert").getByText("The amount is a number and not 0.").waitFor();
    await dialog.getByLabel(/^Amount/).fill(String(owed + 10));
    await dialog.getByLabel("Note").fill("November");
    assert.deepEqual(await findSerious(page), []);
    await dialog.getByRole("button", { name: "Add", exact: true }).click();
    await page.locator(".ev-balance", { hasText: "£10.00" }).waitFor();
    assert.match(await balance(), /Paid in advance/);
    await shootWhole(page, "charging-sessions account");
    await page.getByRole("button", { name: /^Remove the payment of/ }).click();
    await page.getByRole("dialog", { name: "Remove this payment?" }).getByRole("button", { name: "Remove" }).click();
    await page.locator(".ev-balance", { hasText: `£${owed.toFixed(2)}` }).waitFor();
    await close();
  });

  it("shows months and days with the same sums as the table", async () => {
    const { page, close } = await openSessions();
    await page.getByRole("button", { name: "Show as a table" }).click();
    const month = page.getByRole("region", { name: "The last twelve months as a table" }).locator("tbody tr").first();
    const day = page.getByRole("region", { name: "Days, newest first" }).locator("tbody tr").first();
    const count = await rows(page).count();
    const [, monthSessions, monthKwh, monthCost] = await month.locator("th, td").allInnerTexts();
    const [, daySessions, , dayKwh, dayCost] = await day.locator("th, td").allInnerTexts();
    assert.deepEqual([monthSessions, monthKwh, monthCost], [daySessions, dayKwh, dayCost]);
    assert.equal(monthSessions, String(count));
    assert.ok((await textOf(page, ".ev-sum")).startsWith(count === 1 ? "1 session" : `${count} sessions`));
    assert.deepEqual(await findSerious(page), []);
    await close();
  });

  it("answers only the one who asked, and lets everybody see a change", async () => {
    const mine = await openSessions();
    const theirs = await openSessions({ widthPx: WIDTHS.phone, theme: "dark" });
    await theirs.page.getByLabel("Period").nth(0).selectOption({ label: "Last year" });
    await theirs.page.getByText("No session in this period").first().waitFor();
    await mine.page.waitForTimeout(1500); // long enough for a stray answer to arrive
    assert.ok((await rows(mine.page).count()) > 0, "my table is mine");
    await rows(mine.page).first().getByRole("button").click();
    await mine.page.getByLabel("Who").fill("Paul");
    await mine.page.getByRole("button", { name: "Save" }).click();
    await theirs.page.getByLabel("Period").nth(0).selectOption({ label: "All" });
    await rows(theirs.page).first().getByText("Paul").waitFor();
    await mine.close();
    await theirs.close();
  });

  it("keeps one session while the broker is gone, says so, and goes on", async () => {
    const { page, close } = await openSessions({ widthPx: WIDTHS.phone, theme: "light" });
    const before = await rows(page).count();
    await setPlugged(page, true);
    await verb(page, "Charge now").click();
    await says(page, "Charging at \\d\\.\\d kW: 0\\.1 kWh");
    await page.getByRole("switch", { name: /MQTT broker runs/ }).click();
    await says(page, "The charger does not answer\\. Until then: 0\\.\\d kWh since");
    assert.equal(await page.locator(".ev-verbs button:enabled").count(), 0, "a button that cannot reach it is off");
    assert.deepEqual(await findSerious(page), []);
    await shootWhole(page, "charging-sessions broker gone");
    await page.getByRole("switch", { name: /MQTT broker runs/ }).click();
    await says(page, "Charging at \\d\\.\\d kW: 0\\.\\d kWh");
    await setPlugged(page, false);
    await says(page, "Nothing is plugged in\\.");
    await page.locator(".ev-running").waitFor({ state: "detached", timeout: CHARGER_MS });
    assert.equal(await rows(page).count(), before + 1);
    await close();
  });

  it("deletes after one question, and takes no for an answer", async () => {
    const { page, close } = await openSessions();
    await charge(page);
    const before = await rows(page).count();
    const dialog = page.getByRole("dialog", { name: /^Session of/ });
    const sure = page.getByRole("dialog", { name: "Delete this session?" });
    await rows(page).first().getByRole("button").click();
    await dialog.getByRole("button", { name: "Delete…" }).click();
    await sure.waitFor();
    assert.deepEqual(await findSerious(page), []);
    await sure.getByRole("button", { name: "Keep it" }).click();
    await sure.waitFor({ state: "hidden" });
    await dialog.getByRole("button", { name: "Delete…" }).click();
    await sure.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByText("Deleted from lists and sums.").waitFor();
    await page.waitForFunction((count) => document.querySelectorAll(".ev-list tbody tr").length < count, before);
    await close();
  });

  it("says that the connection is lost, and comes back by itself", async () => {
    const { page, close } = await openSessions({ widthPx: WIDTHS.phone, theme: "light" });
    await page.context().setOffline(true);
    await says(page, "Connection lost");
    assert.equal(await page.locator(".ev-verbs button:enabled").count(), 0);
    assert.deepEqual(await findSerious(page), []);
    await page.context().setOffline(false);
    await page.locator(".ev-verbs button:enabled").first().waitFor({ timeout: 30_000 });
    await close();
  });

  it("is drawn by a flow in which every node is valid and tidy", async () => {
    const { page, complaints, close } = await openEditor(browser, nodeRed, { widthPx: 1600 });
    const invalid = await page.evaluate(
      `(() => { const ids = []; const look = (node) => node.valid === false && ids.push(node.id);
        RED.nodes.eachNode(look); RED.nodes.eachConfig(look); return ids; })()`,
    );
    assert.deepEqual(invalid, []);
    await shootWhole(page, "charging-sessions flow");
    assert.deepEqual(
      complaints.filter((text) => !/flows\.nodered\.org|catalogue/.test(text)),
      [],
    );
    await close();
  });
});
