import type { Prices } from "../../model/records.ts";

/*
 * The prices that are known, from all `prices` records that came. A later record is better informed than an earlier one,
 * so its slots take the place of what they cover; an estimate never takes the place of a price.
 */

export interface PriceSlot {
  readonly startMs: number;
  readonly endMs: number;
  readonly importPerKwh: number;
  readonly exportPerKwh: number | null;
  /** g per kWh */
  readonly carbonG: number | null;
  readonly isEstimated: boolean;
  readonly tariff: string;
}

/** Sorted by time, never overlapping. */
export type PriceBook = readonly PriceSlot[];

/** As many as one `prices` record can have; the oldest go first. */
const MOST_SLOTS = 5000;

/** @returns the same book when the record brings nothing new */
export function learnPrices(book: PriceBook, prices: Prices): PriceBook {
  let learnt = book;
  for (const { start, end, importPerKwh, exportPerKwh, carbonG, estimated } of prices.slots) {
    const startMs = Date.parse(start);
    const endMs = Date.parse(end);
    if (!(endMs > startMs)) continue;
    const { tariff } = prices;
    learnt = learnSlot(learnt, { startMs, endMs, importPerKwh, exportPerKwh, carbonG, isEstimated: estimated, tariff });
  }
  return learnt;
}

/** @returns the same book when the slot is known */
export function learnSlot(book: PriceBook, slot: PriceSlot): PriceBook {
  const first = firstEndingAfter(book, slot.startMs);
  const touched = touchedFrom(book, first, slot.endMs);
  const only = touched.length === 1 ? touched[0] : undefined;
  if (only !== undefined && isSameSlot(only, slot)) return book;
  const kept = slot.isEstimated ? touched.filter(({ isEstimated }) => !isEstimated) : [];
  const fresh = kept.reduce((parts, better) => parts.flatMap((part) => without(part, better)), [slot]);
  const remains = touched
    .filter((old) => !kept.includes(old))
    .flatMap((old) => without(old, slot))
    .concat(kept, fresh)
    .toSorted((a, b) => a.startMs - b.startMs);
  return book.toSpliced(first, touched.length, ...remains).slice(-MOST_SLOTS);
}

function touchedFrom(book: PriceBook, first: number, untilMs: number): PriceSlot[] {
  const touched = [];
  for (let index = first; index < book.length; index++) {
    const slot = book[index];
    if (slot === undefined || slot.startMs >= untilMs) break;
    touched.push(slot);
  }
  return touched;
}

/** What is left of `slot` outside `hole`. */
function without(slot: PriceSlot, hole: PriceSlot): PriceSlot[] {
  const parts = [
    { ...slot, endMs: Math.min(slot.endMs, hole.startMs) },
    { ...slot, startMs: Math.max(slot.startMs, hole.endMs) },
  ];
  return parts.filter(({ startMs, endMs }) => endMs > startMs);
}

const isSameSlot = (a: PriceSlot, b: PriceSlot): boolean =>
  a.startMs === b.startMs &&
  a.endMs === b.endMs &&
  a.importPerKwh === b.importPerKwh &&
  a.exportPerKwh === b.exportPerKwh &&
  a.carbonG === b.carbonG &&
  a.isEstimated === b.isEstimated &&
  a.tariff === b.tariff;

function firstEndingAfter(book: PriceBook, atMs: number): number {
  let low = 0;
  let high = book.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((book[middle]?.endMs ?? 0) > atMs) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The price in force at an instant; null = not known. */
export function priceAt(book: PriceBook, atMs: number): PriceSlot | null {
  const slot = book[firstEndingAfter(book, atMs)];
  return slot !== undefined && slot.startMs <= atMs ? slot : null;
}

/** The slots that are in force at some time between two instants. */
export const slotsWithin = (book: PriceBook, fromMs: number, untilMs: number): PriceBook =>
  touchedFrom(book, firstEndingAfter(book, fromMs), untilMs);

/** The next instant after `afterMs` at which a slot begins or ends; Infinity when there is none. */
export function nextEdge(book: PriceBook, afterMs: number): number {
  const slot = book[firstEndingAfter(book, afterMs)];
  if (slot === undefined) return Number.POSITIVE_INFINITY;
  return slot.startMs > afterMs ? slot.startMs : slot.endMs;
}

/** Without what ended before `beforeMs`. */
export const forgetPrices = (book: PriceBook, beforeMs: number): PriceBook =>
  book.length === 0 || (book[0]?.endMs ?? 0) > beforeMs ? book : book.slice(firstEndingAfter(book, beforeMs));
