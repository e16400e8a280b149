import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import type { Browser } from "playwright-core";
import { findFreePort, type NodeRedProcess } from "../../scripts/node-red-process.mjs";
import { readExample } from "../examples/tapped-example.ts";
import { openBrowser, openPage, startHouse, WIDTHS } from "./browser.ts";
import { findSerious, shootWhole } from "./dashboard-page.ts";
import { CHARGER_MS, says, setPlugged, verb } from "./sessions-page.ts";

describe("the charging sessions page without its database", function () {
  this.timeout(180_000);
  let browser: Browser;
  let nodeRed: NodeRedProcess;

  before(async () => {
    const nobodyListens = await findFreePort();
    const away = { kind: "postgres", url: `postgres://127.0.0.1:${nobodyListens}/sessions` };
    const flow = readExample("dashboard/21 - Charging sessions.json").map((node) =>
      node.type === "ev-store" ? { ...node, ...away } : node,
    );
    [browser, nodeRed] = await Promise.all([openBrowser(), startHouse(flow)]);
  });
  after(async () => {
    await browser?.close();
    await nodeRed?.stop();
  });

  it("goes on with the running session, says what waits, and why no list can be shown", async () => {
    const look = { widthPx: WIDTHS.phone, theme: "light" } as const;
    const { page, close } = await openPage(browser, `${nodeRed.url}/dashboard/charging-sessions`, look);
    await verb(page, "Charge now").waitFor();
    await page.getByText("This list cannot be shown now.").first().waitFor({ timeout: 30_000 });
    await setPlugged(page, true);
    await says(page, "Charging at \\d\\.\\d kW");
    await page
      .getByText(/The database is away: \d+ records? waits? on this machine\./)
      .waitFor({ timeout: CHARGER_MS });
    assert.equal(await page.getByText("This list cannot be shown now.").count(), 4);
    assert.deepEqual(await findSerious(page), []);
    await shootWhole(page, "charging-sessions database away");
    await close();
  });
});
