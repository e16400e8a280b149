/*
 * What the first widget of a page does: it says in one sentence how things are, shows the state as word, shape and colour,
 * and leads to the other pages. The template names these by writing HEAD_MARKUP (head.html), HEAD_COMPUTED and HEAD_METHODS,
 * and what a widget that hears needs; it brings `state`, `stateName`, `glyphs`, `sentence`, `hint` and `story`, and calls
 * `startTelling()` when mounted in place of `startHearing()`.
 */
import { newHearing } from "./hearing-widget.mjs";
import { fill, formatAge, formatLength } from "./wording.mjs";

/** @typedef {import("./wording.mjs").Words} Words */
/** @typedef {Pick<ReturnType<typeof import("./ear.mjs").hearPage>, "state" | "silentS">} Heard */

/** The data that the functions below work with. */
export function newHead() {
  return { ...newHearing(), announced: "" };
}

/**
 * @typedef {ReturnType<typeof newHead> & {
 *   kit: any, sentence: string, startHearing(): void, $watch(name: string, call: () => void): void,
 *   $store?: { state?: { ui?: { pages?: object } } },
 * }} HeadWidget
 */

/** @type {Record<string, (this: HeadWidget) => unknown>} */
export const headComputed = {
  ways() {
    const { location } = /** @type {any} */ (globalThis);
    return this.kit.findOtherPages(this.$store?.state?.ui?.pages, location.pathname);
  },
};

/** @type {Record<string, (this: HeadWidget) => void>} */
export const headMethods = {
  startTelling() {
    // a screen reader is told when the story changes, not when a number does
    this.$watch("story", () => {
      this.announced = this.sentence;
    });
    this.startHearing();
  },
};

/**
 * What there is to say about the page itself.
 * @param {Heard} heard
 * @param {Words} words
 * @returns {string | null} null while it hears from Node-RED
 */
export function saySilence({ state, silentS }, words) {
  const { news } = words;
  if (state === "loading") return news.loading;
  if (state === "lost") return fill(news.lost, { age: formatAge(silentS, words) });
  if (state === "silent") return fill(news.silent, { age: formatLength(silentS, words) });
  return null;
}

/**
 * What a person can do about it.
 * @param {Heard} heard
 * @param {Words} words
 * @returns {string | null} null while the page hears from Node-RED
 */
export function hintAtSilence({ state }, words) {
  const { news } = words;
  return state === "live" ? null : { loading: news.loadingHint, lost: news.lostHint, silent: news.silentHint }[state];
}
