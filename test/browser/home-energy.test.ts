import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import type { Browser, Locator, Page } from "playwright-core";
import type { NodeRedProcess } from "../../scripts/node-red-process.mjs";
import { readExample } from "../examples/tapped-example.ts";
import { openBrowser, openEditor, openPage, startHouse, type Theme, WIDTHS, type WatchedPage } from "./browser.ts";
import { findSerious, findSmallTargets, isDark, shootWhole, sidewaysPx } from "./dashboard-page.ts";

/** A charger takes up to 20 s from a standstill, and the controller asks for the battery level first. */
const CHARGER_MS = 60_000;
const PAGE = "/dashboard/home-energy";

describe("the home energy page", function () {
  this.timeout(180_000);
  let browser: Browser;
  let nodeRed: NodeRedProcess;

  before(async () => {
    [browser, nodeRed] = await Promise.all([openBrowser(), startHouse(readExample("dashboard/20 - Home energy.json"))]);
  });
  after(async () => {
    await browser?.close();
    await nodeRed?.stop();
  });

  /** The page, alive: the controller has spoken. */
  async function openHome(look: { widthPx: number; heightPx?: number; theme: Theme }): Promise<WatchedPage> {
    const opened = await openPage(browser, nodeRed.url + PAGE, look);
    await opened.page.locator(".ev-mode:enabled").first().waitFor({ timeout: 20_000 });
    return opened;
  }
  const sentence = async (page: Page): Promise<string> =>
    (await page.locator("h1").innerText()).replaceAll("\u00a0", " ");
  const says = (page: Page, wanted: string): Promise<unknown> =>
    page.locator("h1", { hasText: new RegExp(wanted.replaceAll(" ", "\\s")) }).waitFor({ timeout: CHARGER_MS });
  const mode = (page: Page, name: string): Locator => page.getByRole("button", { name, exact: true });
  const isPressed = (page: Page, name: string): Promise<unknown> =>
    page.locator('.ev-mode[aria-pressed="true"]', { hasText: name }).waitFor();
  /** + into the car, from the words that the page shows. */
  async function carKw(page: Page): Promise<number> {
    const car = await page.locator(".ev-at-car").innerText();
    return Number.parseFloat(/([\d.]+)\s*kW/.exec(car)?.[1] ?? "NaN") * (/discharging/.test(car) ? -1 : 1);
  }
  const carIs = async (page: Page, wanted: (kW: number) => boolean): Promise<void> => {
    const deadlineMs = performance.now() + CHARGER_MS;
    while (!wanted(await carKw(page))) {
      assert.ok(performance.now() < deadlineMs, `the car stays at ${await carKw(page)} kW: ${await sentence(page)}`);
      await page.waitForTimeout(200);
    }
  };
  async function drag(page: Page, label: string, share: number): Promise<void> {
    await page.getByLabel(label).scrollIntoViewIfNeeded();
    const box = await page.getByLabel(label).boundingBox();
    assert.ok(box !== null);
    const y = box.y + box.height / 2;
    await page.mouse.move(box.x + 8, y);
    await page.mouse.down();
    await page.mouse.move(box.x + (box.width * share) / 2, y, { steps: 5 });
    await page.mouse.move(box.x + box.width * share, y, { steps: 5 });
    await page.mouse.up();
  }

  for (const [screen, widthPx] of Object.entries(WIDTHS)) {
    for (const theme of ["light", "dark"] as const) {
      it(`is calm, reachable and readable on a ${screen} in ${theme}`, async () => {
        const { page, complaints, close } = await openHome({ widthPx, heightPx: 844, theme });
        await page.locator(".ev-legend").waitFor({ timeout: 20_000 });
        await shootWhole(page, `home-energy ${screen} ${theme}`);
        assert.deepEqual(await findSerious(page), []);
        assert.deepEqual(await findSmallTargets(page), []);
        assert.ok((await sidewaysPx(page)) <= 0, "no scrolling sideways");
        assert.equal(await isDark(page), theme === "dark");
        assert.deepEqual(complaints, []);
        await close();
      });
    }
  }

  it("begins with the sentence, and nothing moves before a button is pressed", async () => {
    const { page, close } = await openHome({ widthPx: WIDTHS.phone, theme: "light" });
    assert.match(await sentence(page), /Hands off/);
    assert.equal(await page.locator("h1, h2, button, input").first().innerText(), await page.locator("h1").innerText());
    assert.equal(await carKw(page), 0);
    await isPressed(page, "Let it be");
    await close();
  });

  it("is walked through with the keyboard in reading order", async () => {
    const { page, close } = await openHome({ widthPx: WIDTHS.desk, theme: "light" });
    const names: string[] = [];
    for (let step = 0; step < 14; step++) {
      await page.keyboard.press("Tab");
      names.push(
        await page.evaluate("document.activeElement.labels?.[0]?.innerText ?? document.activeElement.innerText"),
      );
    }
    const wanted =
      /For how long.*Charge now.*Follow sun.*Power the house.*Balance.*Pause.*Discharge.*unplugged.*Let it be.*table.*House load.*Clouds.*Car plugged in.*Meter connected/s;
    assert.match(names.join(" | "), wanted);
    await close();
  });

  it("asks once before it discharges, and takes no for an answer", async () => {
    const { page, close } = await openHome({ widthPx: WIDTHS.phone, theme: "light" });
    await mode(page, "Discharge").click();
    const dialog = page.getByRole("dialog", { name: "Discharge the car?" });
    await dialog.waitFor();
    assert.deepEqual(await findSerious(page), []);
    await shootWhole(page, "home-energy dialog");
    await dialog.getByRole("button", { name: "Not now" }).click();
    await dialog.waitFor({ state: "hidden" });
    await page.waitForTimeout(1500); // long enough for a command to have come back
    await isPressed(page, "Let it be");
    await close();
  });

  it("follows the sun when asked, presses the button when the controller has, and moves the car with the house", async () => {
    const { page, complaints, close } = await openHome({ widthPx: WIDTHS.desk, theme: "light" });
    await mode(page, "Follow sun").click();
    await isPressed(page, "Follow sun");
    await says(page, "Charging from the sun at");
    await carIs(page, (kW) => kW > 2.4);
    await shootWhole(page, "home-energy charging");

    await drag(page, "House load", 0.25);
    await carIs(page, (kW) => kW < 1.9);

    await mode(page, "Balance").click();
    await isPressed(page, "Balance");
    await drag(page, "Clouds", 1);
    await carIs(page, (kW) => kW < -1);
    await says(page, "Powering the house at");
    assert.deepEqual(await findSerious(page), []);
    await shootWhole(page, "home-energy discharging");
    assert.deepEqual(complaints, []);
    await close();
  });

  it("brings V2G to 0 when the meter is pulled, says so, and goes on when it is back", async () => {
    const { page, complaints, close } = await openHome({ widthPx: WIDTHS.phone, theme: "dark" });
    await mode(page, "Balance").click();
    await drag(page, "House load", 0.25);
    await drag(page, "Clouds", 1);
    await carIs(page, (kW) => kW < -1);
    await page.getByRole("switch", { name: /Meter connected/ }).click();
    await says(page, "Meter lost \\d+ s ago: discharging stopped");
    await carIs(page, (kW) => kW === 0);
    await page.getByRole("alert").getByText("The grid meter is lost").waitFor();
    assert.match(await page.locator(".ev-at-grid").innerText(), /\d+\ss ago/);
    await isPressed(page, "Balance");
    assert.deepEqual(await findSerious(page), []);
    await shootWhole(page, "home-energy meter lost");
    await page.getByRole("switch", { name: /Meter connected/ }).click();
    await carIs(page, (kW) => kW < -1);
    assert.equal(await page.getByRole("alert").getByText("The grid meter is lost").count(), 0);
    assert.deepEqual(complaints, []);
    await close();
  });

  it("shows when an override ends, and what the charger was told", async () => {
    const { page, close } = await openHome({ widthPx: WIDTHS.desk, theme: "dark" });
    await page.getByLabel("For how long").selectOption({ label: "1 hour" });
    await mode(page, "Pause").click();
    await isPressed(page, "Pause");
    const told = page.locator(".ev-set");
    await told.getByText(/at \d\d:\d\d, then back to what was before/).waitFor();
    assert.match((await told.innerText()).replaceAll("\u00a0", " "), /Set point\s+0 A/);
    await close();
  });

  it("offers the chart's data as a table that can be copied", async () => {
    const { page, close } = await openHome({ widthPx: WIDTHS.desk, theme: "light" });
    await page.getByRole("button", { name: "Show as a table" }).click();
    const table = page.getByRole("table");
    assert.deepEqual(await table.locator("thead th").allInnerTexts(), ["Time", "Grid", "House", "Sun", "Car"]);
    const cells = await table.locator("tbody tr").first().locator("th, td").allInnerTexts();
    assert.match(cells.join(" "), /^\d\d:\d\d:\d\d .*kW/);
    assert.ok(
      (await table.locator("tbody td").allInnerTexts()).every((cell) => !/[-\u2212]\d/.test(cell)),
      "no bare minus",
    );
    assert.deepEqual(await findSerious(page), []);
    await close();
  });

  it("says that the connection is lost, dims what is old, and comes back by itself", async () => {
    const { page, close } = await openHome({ widthPx: WIDTHS.phone, theme: "light" });
    await page.context().setOffline(true);
    await says(page, "Connection lost");
    assert.equal(await page.locator(".ev-mode:enabled").count(), 0, "a button that cannot reach the car is off");
    assert.equal(await page.locator(".ev-place.ev-stale").count(), 4);
    assert.deepEqual(await findSerious(page), []);
    await shootWhole(page, "home-energy offline");
    await page.context().setOffline(false);
    await page.locator(".ev-mode:enabled").first().waitFor({ timeout: 30_000 });
    assert.doesNotMatch(await sentence(page), /lost/);
    await close();
  });

  it("knows that no car is there", async () => {
    const { page, close } = await openHome({ widthPx: WIDTHS.desk, theme: "light" });
    await page.getByRole("switch", { name: /Car plugged in/ }).click();
    await says(page, "No car is plugged in");
    await page.locator(".ev-at-car").getByText("not plugged in").waitFor();
    await shootWhole(page, "home-energy no car");
    await close();
  });

  it("is drawn by a flow in which every node is valid and tidy", async () => {
    const { page, complaints, close } = await openEditor(browser, nodeRed, { widthPx: 1600 });
    const invalid = await page.evaluate(
      `(() => { const ids = []; const look = (node) => node.valid === false && ids.push(node.id);
        RED.nodes.eachNode(look); RED.nodes.eachConfig(look); return ids; })()`,
    );
    assert.deepEqual(invalid, []);
    await shootWhole(page, "home-energy flow");
    assert.deepEqual(
      complaints.filter((text) => !/flows\.nodered\.org|catalogue/.test(text)),
      [],
    );
    await close();
  });
});
