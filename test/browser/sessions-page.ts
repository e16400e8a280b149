import { readFileSync } from "node:fs";
import type { Download, Locator, Page } from "playwright-core";
import { textOf } from "./dashboard-page.ts";

/* How a person uses the charging sessions page. */

/** Everything is told every 30 s, a change at once; a session is closed 15 s after the car has left. */
export const CHARGER_MS = 60_000;

export const sentence = (page: Page): Promise<string> => textOf(page, "h1");
export const says = (page: Page, wanted: string): Promise<unknown> =>
  page.locator("h1", { hasText: new RegExp(wanted.replaceAll(" ", "\\s")) }).waitFor({ timeout: CHARGER_MS });
export const verb = (page: Page, name: string): Locator => page.locator(".ev-verbs button", { hasText: name });
export const isPressed = (page: Page, name: string): Promise<unknown> =>
  page.locator('.ev-verbs button[aria-pressed="true"]', { hasText: name }).waitFor({ timeout: CHARGER_MS });
/** Turns a switch of the virtual home, if it is not so already. */
export async function turn(page: Page, name: string, isOn: boolean): Promise<void> {
  const wanted = page.locator(`[role="switch"][aria-checked="${isOn}"]`, { hasText: name });
  const knob = page.getByRole("switch", { name });
  if ((await knob.getAttribute("aria-checked")) !== String(isOn)) await knob.click();
  await wanted.waitFor({ timeout: 10_000 });
}
export const setPlugged = (page: Page, isPlugged: boolean): Promise<void> => turn(page, "Car plugged in", isPlugged);
export const rows = (page: Page): Locator => page.locator(".ev-list tbody tr");
export const cell = async (row: Locator, column: string): Promise<string> =>
  (await row.locator(`.ev-col-${column}`).innerText()).replaceAll("\u00a0", " ").trim();
/** A whole session: plugged in, charged until 0.1 kWh, taken away and closed. */
export async function charge(page: Page): Promise<void> {
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
export async function fileFrom(page: Page, format: string): Promise<{ download: Download; bytes: Buffer }> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: `Export as ${format}` }).click(),
  ]);
  return { download, bytes: readFileSync(await download.path()) };
}
