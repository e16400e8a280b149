import { defaultsFor, ownerOf } from "./people.ts";
import { learnSlot, type PriceBook, slotsWithin } from "./price-book.ts";
import type { LogEntry } from "./entry.ts";
import type { LogSettings, Terms } from "./settings.ts";

/** Its own once it is closed. @param book all prices that are known; empty = no `prices` record has come */
export function termsOf(entry: LogEntry, book: PriceBook, settings: LogSettings): Terms {
  const { terms } = entry;
  const isOurMoney = terms === null || terms.money.currency === settings.money.currency;
  const known = book.length === 0 || !isOurMoney ? null : slotsWithin(book, ...spanOf(entry));
  if (terms !== null) return { ...terms, prices: complete(terms, known) };
  const { zone, money } = settings;
  const { device, rfid } = entry.detected;
  return { zone, money, defaults: defaultsFor(settings, device), owner: ownerOf(settings.tags, rfid), prices: known };
}

/** Prices that come late fill what had none or an estimate, and leave the rest alone. */
function complete({ money, prices }: Terms, known: PriceBook | null): PriceBook | null {
  if (known === null || (prices === null && money.fixedPricePerKwh !== null)) return prices;
  return (prices ?? []).reduce(learnSlot, known);
}

function spanOf({ detected, profile }: LogEntry): [fromMs: number, untilMs: number] {
  const { pluggedAtMs, pluggedS, unpluggedAtMs } = detected;
  const starts = profile.map(({ startMs }) => startMs);
  const ends = profile.map(({ endMs }) => endMs);
  const untilMs = Math.max(pluggedAtMs + pluggedS * 1000, unpluggedAtMs ?? pluggedAtMs, ...ends);
  // energy of an instant is priced by the slot that begins with it
  return [Math.min(pluggedAtMs, ...starts), untilMs + 1];
}
