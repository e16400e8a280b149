import { nextEdge, type PriceBook, priceAt } from "./price-book.ts";
import { BUCKET_MS, type Profile, type ProfileBucket } from "./profile.ts";
import type { MoneySettings } from "./settings.ts";

/*
 * What a session costs, worked out from when its energy flowed. Nothing is rounded here. Energy from the own sun counts at
 * what it would have earned; energy from a house battery counts like that of the grid, because it is missing there later.
 */

export interface PricedStretch {
  readonly startMs: number;
  readonly endMs: number;
  readonly energyWh: number;
  readonly pricePerKwh: number;
}

export interface SessionPrice {
  /** Sorted by start; energy of the sun stands in stretches of its own. */
  readonly stretches: readonly PricedStretch[];
  readonly unpricedWh: number;
  /** null = no price at all was known */
  readonly cost: number | null;
  readonly costGrid: number | null;
  /** null = not known how much the sun gave, or what it is worth */
  readonly costSolar: number | null;
  /** null = not known for all of the grid's energy */
  readonly co2G: number | null;
  readonly tariff: string | null;
  /** Some of it was priced by an estimate. */
  readonly isEstimated: boolean;
}

/** The name in `tariff` while a fixed price is in force. */
export const FIXED_TARIFF = "fixed";

interface Price {
  readonly importPerKwh: number;
  readonly sunPerKwh: number;
  /** Whether the sun's price is one of its own. */
  readonly isSunPriced: boolean;
  readonly carbonG: number | null;
  readonly isEstimated: boolean;
  readonly tariff: string;
}

/**
 * Prices a profile. Prices, once there are some, rule alone: a gap in them stays without a price.
 *
 * @param book null = no prices have ever come: the fixed price rules
 */
export function priceProfile(profile: Profile, book: PriceBook | null, money: MoneySettings): SessionPrice {
  const ledger = createLedger();
  for (const bucket of profile) {
    if (bucket.energyWh === 0) continue;
    for (const { startMs, endMs, share } of cutAtEdges(bucket, book ?? [])) {
      const sunWh = bucket.sunWh * share;
      const restWh = bucket.energyWh * share - sunWh;
      ledger.add(startMs, endMs, restWh, sunWh, priceOf(book, money, startMs), bucket.knownWh > 0);
    }
  }
  return ledger.close(priceOf(book, money, profile.at(-1)?.endMs ?? 0) !== null);
}

function cutAtEdges(
  { startMs, endMs }: ProfileBucket,
  book: PriceBook,
): { startMs: number; endMs: number; share: number }[] {
  if (endMs <= startMs) return [{ startMs, endMs, share: 1 }];
  const cuts = [];
  for (let fromMs = startMs; fromMs < endMs; ) {
    const toMs = Math.min(endMs, nextEdge(book, fromMs));
    cuts.push({ startMs: fromMs, endMs: toMs, share: (toMs - fromMs) / (endMs - startMs) });
    fromMs = toMs;
  }
  return cuts;
}

function priceOf(book: PriceBook | null, money: MoneySettings, atMs: number): Price | null {
  if (money.currency === null) return null;
  if (book === null) {
    const { fixedPricePerKwh, feedInPerKwh } = money;
    if (fixedPricePerKwh === null) return null;
    return {
      importPerKwh: fixedPricePerKwh,
      sunPerKwh: feedInPerKwh ?? fixedPricePerKwh,
      isSunPriced: feedInPerKwh !== null,
      carbonG: null,
      isEstimated: false,
      tariff: FIXED_TARIFF,
    };
  }
  const slot = priceAt(book, atMs);
  if (slot === null) return null;
  const sunPerKwh = slot.exportPerKwh ?? money.feedInPerKwh;
  return { ...slot, sunPerKwh: sunPerKwh ?? slot.importPerKwh, isSunPriced: sunPerKwh !== null };
}

interface Ledger {
  add(startMs: number, endMs: number, restWh: number, sunWh: number, price: Price | null, isOriginKnown: boolean): void;
  /** @param isAnyPriceKnown whether energy, had there been some, would have had a price */
  close(isAnyPriceKnown: boolean): SessionPrice;
}

function createLedger(): Ledger {
  const rest: PricedStretch[] = [];
  const sun: PricedStretch[] = [];
  let unpricedWh = 0;
  let costGrid = 0;
  let costSolar = 0;
  let carbonG: number | null = 0;
  let tariff: string | null = null;
  let isEstimated = false;
  let isSunKnown = false;
  return {
    add(startMs, endMs, restWh, sunWh, price, isOriginKnown) {
      if (price === null) {
        unpricedWh += restWh + sunWh;
        carbonG = null;
        return;
      }
      ({ tariff } = price);
      isEstimated ||= price.isEstimated;
      isSunKnown ||= isOriginKnown && price.isSunPriced;
      const gridPricedWh = price.isSunPriced ? restWh : restWh + sunWh;
      const sunPricedWh = price.isSunPriced ? sunWh : 0;
      costGrid += (gridPricedWh / 1000) * price.importPerKwh;
      costSolar += (sunPricedWh / 1000) * price.sunPerKwh;
      append(rest, { startMs, endMs, energyWh: gridPricedWh, pricePerKwh: price.importPerKwh });
      append(sun, { startMs, endMs, energyWh: sunPricedWh, pricePerKwh: price.sunPerKwh });
      if (price.carbonG === null) carbonG = restWh > 0 ? null : carbonG;
      else carbonG = carbonG === null ? null : carbonG + (restWh / 1000) * price.carbonG;
    },
    close(isAnyPriceKnown) {
      const stretches = [...rest, ...sun].toSorted((a, b) => a.startMs - b.startMs);
      const isPriced = stretches.length > 0 || (unpricedWh === 0 && isAnyPriceKnown);
      return {
        stretches,
        unpricedWh,
        cost: isPriced ? costGrid + costSolar : null,
        costGrid: isPriced ? costGrid : null,
        costSolar: isPriced && isSunKnown ? costSolar : null,
        co2G: stretches.length > 0 ? carbonG : null,
        tariff,
        isEstimated,
      };
    },
  };
}

/** Neighbours of one price become one stretch. */
function append(stretches: PricedStretch[], added: PricedStretch): void {
  if (added.energyWh <= 0) return;
  const last = stretches.at(-1);
  const goesOn =
    last !== undefined &&
    last.pricePerKwh === added.pricePerKwh &&
    added.startMs - last.endMs <= BUCKET_MS &&
    added.startMs >= last.startMs;
  if (!goesOn) stretches.push(added);
  else {
    stretches[stretches.length - 1] = {
      ...last,
      endMs: Math.max(last.endMs, added.endMs),
      energyWh: last.energyWh + added.energyWh,
    };
  }
}
