import { isoInZone } from "../../model/local-time.ts";
import type { Session } from "../../model/session.ts";
import { cleanName } from "./clean-text.ts";
import type { PricedStretch, SessionPrice } from "./pricing.ts";
import { energy, money, rounded } from "./rounding.ts";
import type { Terms } from "./settings.ts";

/** The columns of a session that are about money. */
const moneyFields = [
  "cost",
  "costGrid",
  "costSolar",
  "currency",
  "pricePerKwh",
  "tariff",
  "tariffSlots",
  "unpricedWh",
  "referencePricePerKwh",
  "referenceCost",
  "co2G",
] as const satisfies readonly (keyof Session)[];
export type MoneyFields = Pick<Session, (typeof moneyFields)[number]>;

export const moneyOf = (session: Session): MoneyFields =>
  // every field is taken from where it goes to
  Object.fromEntries(moneyFields.map((field) => [field, session[field]])) as unknown as MoneyFields;

/** The cost that somebody gave a session in the store. */
export interface PricedElsewhere {
  /** for this energy */
  readonly energyWh: number;
  readonly money: MoneyFields;
}

/** Energy that came after it was priced has no price. */
export const pricedMoney = ({ energyWh, money }: PricedElsewhere, nowWh: number): MoneyFields => ({
  ...money,
  unpricedWh: energy((money.unpricedWh ?? 0) + nowWh - energyWh),
});

/** More would not be a valid record. */
const MOST_STRETCHES = 9000;

export function moneyRecord(
  price: SessionPrice,
  energyWh: number,
  { money: { currency, ...wanted }, zone }: Terms,
): MoneyFields {
  const { slots, unpricedWh } = exactSlots(price, energyWh, zone);
  const pricedWh = energyWh - price.unpricedWh;
  const reference = currency === null ? null : wanted.referencePricePerKwh;
  return {
    cost: money(price.cost),
    costGrid: money(price.costGrid),
    costSolar: money(price.costSolar),
    currency: price.cost === null && reference === null ? null : currency,
    pricePerKwh: price.cost === null || pricedWh <= 0 ? null : money((price.cost / pricedWh) * 1000),
    tariff: cleanName(price.tariff, 200),
    tariffSlots: slots,
    unpricedWh,
    referencePricePerKwh: reference,
    referenceCost: reference === null ? null : money((energyWh / 1000) * reference),
    co2G: rounded(price.co2G, 1),
  };
}

/** Slots in whole thousandths of a Wh which, with the unpriced rest, add up to the session's energy. */
function exactSlots(
  { stretches, unpricedWh }: SessionPrice,
  energyWh: number,
  zone: string,
): { slots: Session["tariffSlots"]; unpricedWh: number } {
  const total = energy(energyWh);
  const unpriced = stretches.length === 0 ? total : Math.min(total, energy(unpricedWh));
  const shown = fewEnough(stretches);
  let sumWh = 0;
  let shownWh = 0;
  const slots = shown.map((stretch, index) => {
    sumWh += stretch.energyWh;
    const untilWh =
      index === shown.length - 1 ? energy(total - unpriced) : Math.min(energy(sumWh), energy(total - unpriced));
    const slot = {
      start: isoInZone(stretch.startMs, zone),
      end: isoInZone(stretch.endMs, zone),
      energyWh: energy(untilWh - shownWh),
      pricePerKwh: stretch.pricePerKwh,
    };
    shownWh = untilWh;
    return slot;
  });
  return { slots: slots.filter((slot) => slot.energyWh > 0), unpricedWh: unpriced };
}

/** Months at a tariff of five minutes: neighbours share an average price then. */
function fewEnough(stretches: readonly PricedStretch[]): readonly PricedStretch[] {
  if (stretches.length <= MOST_STRETCHES) return stretches;
  const size = Math.ceil(stretches.length / MOST_STRETCHES);
  return Array.from({ length: Math.ceil(stretches.length / size) }, (_, index) => {
    const group = stretches.slice(index * size, (index + 1) * size);
    const energyWh = group.reduce((sum, stretch) => sum + stretch.energyWh, 0);
    const cost = group.reduce((sum, stretch) => sum + stretch.energyWh * stretch.pricePerKwh, 0);
    return {
      startMs: Math.min(...group.map(({ startMs }) => startMs)),
      endMs: Math.max(...group.map(({ endMs }) => endMs)),
      energyWh,
      pricePerKwh: cost / energyWh,
    };
  });
}
