import type { ReadingsTable } from "../tables.ts";

/*
 * Readings that wait for a server too long are made coarser, the oldest first: the energy stays, the minutes go.
 */

/**
 * One reading in place of all of the same device, channel, role, local day and step.
 *
 * @param stepMs for example 900000 for a quarter of an hour
 * @returns energies and durations add up to what they did; power is the mean over time; counters are the latest
 */
export function thinReadings(rows: readonly ReadingsTable[], stepMs: number): ReadingsTable[] {
  const groups = new Map<string, ReadingsTable[]>();
  // the same instant again replaces, as it would in the table
  const latest = new Map(rows.map((row) => [`${row.channel} ${row.at_ms} ${row.device}`, row]));
  for (const row of latest.values()) {
    // the interval of a reading ends at its instant
    const step = Math.floor((row.at_ms - 1) / stepMs);
    const key = JSON.stringify([row.device, row.channel, row.role, row.local_day, step]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return [...groups.values()].map(merge);
}

function merge(group: readonly ReadingsTable[]): ReadingsTable {
  const rows = group.toSorted((a, b) => a.at_ms - b.at_ms);
  const [first] = rows;
  const last = rows.at(-1);
  if (first === undefined || last === undefined || rows.length === 1) return last as ReadingsTable;
  return {
    ...last,
    power_w: meanPower(rows),
    energy_wh: sum(rows.map(({ energy_wh }) => energy_wh)),
    duration_s: sum(rows.map(({ duration_s }) => duration_s)),
    import_wh: latestOf(rows.map(({ import_wh }) => import_wh)),
    export_wh: latestOf(rows.map(({ export_wh }) => export_wh)),
  };
}

function sum(numbers: readonly (number | null)[]): number | null {
  const known = numbers.filter((number) => number !== null);
  return known.length === 0 ? null : known.reduce((total, number) => total + number, 0);
}

const latestOf = (numbers: readonly (number | null)[]): number | null =>
  numbers.findLast((number) => number !== null) ?? null;

function meanPower(rows: readonly ReadingsTable[]): number | null {
  const known = rows.filter(({ power_w }) => power_w !== null);
  const weight = sum(known.map(({ duration_s }) => duration_s ?? 1)) ?? 0;
  if (weight === 0) return latestOf(rows.map(({ power_w }) => power_w));
  return (sum(known.map(({ power_w, duration_s }) => (power_w ?? 0) * (duration_s ?? 1))) ?? 0) / weight;
}
