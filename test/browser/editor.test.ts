import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "mocha";
import type { Browser, Page } from "playwright-core";
import type { NodeRedProcess } from "../../scripts/node-red-process.mjs";
import { manifest } from "../support/installed-package.ts";
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
  type WatchedPage,
} from "./browser.ts";

/** A field of the open dialog as a person sees it. */
interface Field {
  readonly id: string;
  readonly label: string;
  readonly content: string | boolean;
}

/** The form of the dialog that is open; Node-RED gives config nodes another id. */
const FORM = "#dialog-form, #node-config-dialog-edit-form";

/** Node-RED puts invisible traps for password managers into every form. */
const TRAPS = '[id^="red-ui-trap"]';

function readFields(page: Page): Promise<Field[]> {
  return page.evaluate(
    ([form, traps]) => {
      const fields = document.querySelectorAll<HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement>(
        `:is(${form}) :is(input, select, textarea):not(${traps})`,
      );
      return [...fields]
        .filter(
          (field) =>
            field.checkVisibility() && field.type !== "hidden" && !field.closest(".red-ui-typedInput-container"),
        )
        .map((field) => ({
          id: field.id,
          label: [...(field.labels ?? [])].map((label) => label.innerText).join(" ") || (field.ariaLabel ?? ""),
          content: field instanceof HTMLInputElement && field.type === "checkbox" ? field.checked : field.value,
        }));
    },
    [FORM, TRAPS] as const,
  );
}

describe("the dialog of", function () {
  this.timeout(120_000);
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

  /** An editor takes long to load, so one serves all dialogs; after a failure a fresh one. */
  const editors = new Map<string, Promise<WatchedPage>>();
  function editorIn(locale: string): Promise<WatchedPage> {
    const opened = editors.get(locale) ?? openEditor(browser, nodeRed, { locale });
    editors.set(locale, opened);
    return opened;
  }
  afterEach(function () {
    if (this.currentTest?.isFailed() === true) editors.clear();
  });

  for (const type of Object.keys(manifest["node-red"].nodes)) {
    it(`${type} opens, names every field, saves what it shows and is readable in light and dark`, async () => {
      const { page, complaints } = await editorIn("en-US");
      const id = await addNode(page, type);
      await openDialog(page, id);

      const fields = await readFields(page);
      assert.ok(fields.length > 0, "the dialog shows no field");
      const unnamed = fields.filter(({ label }) => label.trim() === "" || /^[\w-]+(\.[\w-]+)+$/.test(label.trim()));
      assert.deepEqual(unnamed, [], "fields without a label, or whose label is a text key");

      for (const theme of ["light", "dark"] as const) {
        await setTheme(page, theme);
        await shoot(page, `${type}-${theme}`);
        assert.deepEqual(await findBarriers(page, FORM, TRAPS), [], `in ${theme}`);
      }

      await saveDialog(page);
      await openDialog(page, id);
      assert.deepEqual(await readFields(page), fields, "saving changed the settings");
      await saveDialog(page);
      assert.deepEqual(complaints, []);
    });
  }

  for (const type of ["ev-h2v", "ev-reading-log", "ev-monthly-report"]) {
    it(`${type} speaks Japanese to a Japanese browser, with its help`, async () => {
      const { page, complaints } = await editorIn("ja-JP");
      const id = await addNode(page, type);
      await openDialog(page, id);
      const isJapanese = (text: string): boolean => /[\u3041-\u30ff\u4e00-\u9fff]/.test(text);
      const fields = await readFields(page);
      assert.deepEqual(
        fields.filter(({ label }) => !isJapanese(label)),
        [],
      );
      await shoot(page, `${type}-ja`);
      // the help of a selected node shows by itself
      await page.locator(".red-ui-help").getByText("出力").first().waitFor({ state: "attached" });
      await saveDialog(page);
      assert.deepEqual(complaints, []);
    });
  }
});
