import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import type { Browser } from "playwright-core";
import type { NodeRedProcess } from "../../scripts/node-red-process.mjs";
import {
  addNode,
  findBarriers,
  openBrowser,
  openDialog,
  openEditor,
  saveDialog,
  setTheme,
  shoot,
  startHouse,
} from "./browser.ts";

describe("the tables in the dialog of ev-session-log", function () {
  this.timeout(60_000);
  let browser: Browser;
  let nodeRed: NodeRedProcess;

  before(async () => {
    browser = await openBrowser();
    nodeRed = await startHouse();
  });
  after(async () => {
    await browser?.close();
    await nodeRed?.stop();
  });

  it("take rows, keep them, show their texts as texts, and are readable in light and dark", async () => {
    const { page, complaints, close } = await openEditor(browser, nodeRed);
    const id = await addNode(page, "ev-session-log");
    await openDialog(page, id);
    const form = page.locator("#dialog-form");
    for (const summary of await form.locator("summary").all()) await summary.click();
    await form.locator(".red-ui-editableList-addButton").first().click();
    await form.locator(".red-ui-editableList-addButton").last().click();
    await form.getByLabel("Charger", { exact: true }).fill("<b>openevse</b>");
    await form.getByLabel("Business %").fill("70");
    await form.getByLabel("Vehicle").first().fill("Zoe");
    await form.getByLabel("Purpose").first().selectOption("mixed");
    await form.getByLabel("Card number").fill("04:A2");
    await form.getByLabel("User").last().fill("'; DROP TABLE");
    for (const theme of ["light", "dark"] as const) {
      await setTheme(page, theme);
      await shoot(page, `ev-session-log-tables-${theme}`);
      assert.deepEqual(await findBarriers(page, "#dialog-form", '[id^="red-ui-trap"]'), [], theme);
    }
    await saveDialog(page);
    await openDialog(page, id);
    const saved = await page.evaluate((nodeId) => {
      const editor = (globalThis as unknown as { RED: { nodes: { node(of: string): Record<string, unknown> } } }).RED;
      const { devices, tags } = editor.nodes.node(nodeId);
      return JSON.stringify({ devices, tags });
    }, id);
    assert.deepEqual(JSON.parse(saved), {
      devices: [
        {
          device: "<b>openevse</b>",
          vehicle: "Zoe",
          user: "",
          purpose: "mixed",
          businessPercent: "70",
          location: "",
          isMeteredPlug: false,
        },
      ],
      tags: [{ rfid: "04:A2", user: "'; DROP TABLE", vehicle: "", purpose: "" }],
    });
    assert.equal(await form.getByLabel("Charger", { exact: true }).inputValue(), "<b>openevse</b>");
    assert.deepEqual(complaints, []);
    await close();
  });
});
