import type { Page } from "playwright-core";
import { findBarriers, shoot } from "./browser.ts";

/* What is measured on every dashboard page of ours. */

export const findSerious = (page: Page): Promise<readonly string[]> => findBarriers(page, "html");
export const shootWhole = (page: Page, name: string): Promise<void> => shoot(page, name, { fullPage: true });

/** Controls that a thumb would miss. */
export function findSmallTargets(page: Page): Promise<readonly string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll("button, select, input, textarea, a")]
      .filter((target) => target.getClientRects().length > 0)
      .filter((target) => {
        const { width, height } = target.getBoundingClientRect();
        return Math.min(width, height) < 44;
      })
      .map((target) => target.outerHTML),
  );
}

/** How far the page could be scrolled sideways. */
export const sidewaysPx = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

export const isDark = (page: Page): Promise<boolean> =>
  page.evaluate(() => {
    const card = document.querySelector(".ev-page .v-card");
    const [red = 255] =
      getComputedStyle(card ?? document.body)
        .backgroundColor.match(/\d+/g)
        ?.map(Number) ?? [];
    return red < 100;
  });

/** What stands in an element, with plain spaces. */
export const textOf = async (page: Page, selector: string): Promise<string> =>
  (await page.locator(selector).first().innerText()).replaceAll("\u00a0", " ");
