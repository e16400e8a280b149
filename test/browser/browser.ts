import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { type Browser, chromium, type Page } from "playwright-core";
import { buildWhenStale } from "../../scripts/build.mjs";
import { projectDirectory } from "../../scripts/ensure.mjs";
import type { NodeRedProcess } from "../../scripts/node-red-process.mjs";
import { makeUserDirectory } from "../../scripts/user-directory.mjs";
import { nodeRed5, startRuntime } from "../support/installed-package.ts";

/*
 * What every browser test needs: a Chromium, a Node-RED with a flow and our package from the working tree, and a page that
 * remembers what went wrong in it.
 */

/** The look of the page. */
export type Theme = "light" | "dark";

/** Where screenshots go, to be looked at; not in git. */
const shots = join(projectDirectory, "test", "browser", "shots");
const CHROMIUM = process.env.EV_CHROMIUM ?? "/usr/bin/chromium";
const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** Sizes of the screens that people have: a phone, a tablet, a desk. */
export const WIDTHS = { phone: 390, tablet: 834, desk: 1280 } as const;

/** Starts Chromium without a window. */
export async function openBrowser(): Promise<Browser> {
  if (!existsSync(CHROMIUM)) throw new Error(`There is no Chromium at ${CHROMIUM}: install it, or set EV_CHROMIUM.`);
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args: QUIET });
}

/** Starts a Node-RED with a flow, Dashboard 2 and our package as built from the working tree, in a folder of its own. */
export async function startHouse(flow: readonly object[] = []): Promise<NodeRedProcess> {
  await buildWhenStale();
  const userDirectory = mkdtempSync(join(tmpdir(), "ev-browser-"));
  const packages = {
    "@ev-flows/node-red-ev-charging": projectDirectory,
    "@flowfuse/node-red-dashboard": join(projectDirectory, "node_modules", "@flowfuse", "node-red-dashboard"),
  };
  makeUserDirectory(userDirectory, { port: 0, packages });
  // the editor's tip of the day throws when its timer fires before its box is there, as on a busy machine
  const withoutTips = { _: { editor: { view: { "view-show-tips": false } } } };
  writeFileSync(join(userDirectory, ".config.users.json"), JSON.stringify(withoutTips));
  const nodeRed = await startRuntime(nodeRed5(), userDirectory, flow);
  void nodeRed.ended.then(() => rmSync(userDirectory, { recursive: true, force: true }));
  return nodeRed;
}

/** A page and what its console complained about. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors and warnings of ours in the console, uncaught exceptions, failed requests. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** How somebody looks at a page. */
export interface Look {
  readonly widthPx?: number;
  readonly heightPx?: number;
  readonly theme?: Theme;
  /** the browser's language; English when it is missing */
  readonly locale?: string;
}

/** Opens an address. The system's preference for light or dark is set as well. */
export async function openPage(browser: Browser, url: string, look: Look = {}): Promise<WatchedPage> {
  const viewport = { width: look.widthPx ?? WIDTHS.desk, height: look.heightPx ?? 800 };
  const context = await browser.newContext({
    viewport,
    colorScheme: look.theme ?? "light",
    locale: look.locale ?? "en-US",
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`HTTP ${response.status()} ${response.url()}`);
  });
  await page.goto(url);
  return { page, complaints, close: () => context.close() };
}

/** Opens the flow editor and waits until it can be used. */
export async function openEditor(browser: Browser, nodeRed: NodeRedProcess, look: Look = {}): Promise<WatchedPage> {
  const opened = await openPage(browser, nodeRed.url, look);
  await opened.page.waitForFunction("window.RED?.nodes?.getType('inject') && RED.workspaces.active()");
  await opened.page.locator("#red-ui-splash, .red-ui-loader").first().waitFor({ state: "hidden" });
  await setTheme(opened.page, look.theme ?? "light");
  return opened;
}

/** Node-RED 5 shows dark as a class on the root element. */
export async function setTheme(page: Page, theme: Theme): Promise<void> {
  await page.evaluate(`document.documentElement.classList.toggle("nr-theme-dark", ${theme === "dark"})`);
}

/**
 * Adds a node with its default settings, as dragging it from the palette does; a config node is made by its own dialog.
 * @returns its id
 */
export async function addNode(page: Page, type: string): Promise<string> {
  const id = `added-${type}`;
  await page.evaluate(
    ([addedId, addedType]) => {
      const editor = (globalThis as unknown as { RED: EditorApi }).RED;
      const definition = editor.nodes.getType(addedType);
      if (!definition) throw new Error(`the editor does not know ${addedType}`);
      const fields = Object.entries(definition.defaults).map(([name, field]) => [name, field.value]);
      const place =
        definition.category === "config" ? {} : { x: 300, y: 200, z: editor.workspaces.active(), wires: [[]] };
      const node = { ...Object.fromEntries(fields), id: addedId, type: addedType, ...place };
      editor.view.importNodes([node], { generateIds: false, touchImport: true, notify: false });
    },
    [id, type] as const,
  );
  return id;
}

/** Opens the dialog of a node and waits until it stands still. */
export async function openDialog(page: Page, id: string): Promise<void> {
  await page.evaluate((nodeId) => {
    const editor = (globalThis as unknown as { RED: EditorApi }).RED;
    const node = editor.nodes.node(nodeId);
    if (!node) throw new Error(`there is no node ${nodeId}`);
    if (node._def.category === "config") editor.editor.editConfig("", node.type, node.id);
    else editor.editor.edit(node);
  }, id);
  await page.locator(SAVE_BUTTON).click({ trial: true }); // waits until the tray has slid in
  // the fields come later where Node-RED fetches a node's credentials first
  const fields = page.locator('[id^="node-input-"], [id^="node-config-input-"]');
  await fields.filter({ visible: true }).first().waitFor();
}

/** Nodes of the open flow with settings that their own dialog would not accept. */
export function findInvalidNodes(page: Page): Promise<readonly string[]> {
  return page.evaluate(
    `(() => { const ids = [];
      const look = (node) => { RED.editor.validateNode(node); if (node.valid === false) ids.push(node.id + " " + node.validationErrors); };
      RED.nodes.eachConfig(look); RED.nodes.eachNode(look); return ids; })()`,
  );
}

const SAVE_BUTTON = "#node-dialog-ok, #node-config-dialog-ok";

/** Presses Done (or Add, Update) and waits until the dialog is gone. */
export async function saveDialog(page: Page): Promise<void> {
  await page.locator(SAVE_BUTTON).click();
  await page.locator(SAVE_BUTTON).waitFor({ state: "detached" });
}

/** Puts a picture into test/browser/shots; `fullPage` shows also what lies below the screen. */
export async function shoot(page: Page, name: string, { fullPage = false } = {}): Promise<void> {
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ fullPage, path: join(shots, `${name.replace(/[^\w-]+/g, "-")}.png`) });
}

/**
 * What axe finds serious in a part of the page: contrast, names, roles.
 * @param part a CSS selector
 * @param foreign a CSS selector for what others put in there
 */
export async function findBarriers(page: Page, part: string, foreign?: string): Promise<string[]> {
  const builder = new AxeBuilder({ page }).include(part);
  const { violations } = await (foreign === undefined ? builder : builder.exclude(foreign)).analyze();
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.html} ${node.failureSummary?.split("\n")[1]?.trim() ?? ""}`),
    );
}

/** The part of the editor's API that tests drive. */
interface EditorApi {
  readonly nodes: {
    getType(type: string): { category: string; defaults: Record<string, { value: unknown }> } | undefined;
    node(id: string): { id: string; type: string; _def: { category: string } } | null;
  };
  readonly workspaces: { active(): string };
  readonly view: { importNodes(nodes: readonly object[], options: object): void };
  readonly editor: { edit(node: object): void; editConfig(name: string, type: string, id: string): void };
}
