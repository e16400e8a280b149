import { IANAZone } from "luxon";

/** An instant as a clock on the wall shows it. */
export interface WallClock {
  /** `YYYY-MM-DD HH:MM:SS` */
  readonly stamp: string;
  /** `+01:00` */
  readonly offset: string;
  /** ISO 8601 with the offset, milliseconds included */
  readonly iso: string;
}

/** Fast enough for every row of a large report. An unknown zone is read as UTC. */
export function wallClock(epochMs: number, zone: string): WallClock {
  const minutes = IANAZone.create(zone).offset(epochMs);
  const offsetMin = Number.isFinite(minutes) ? minutes : 0;
  const local = new Date(epochMs + offsetMin * 60_000).toISOString();
  const offset = offsetText(offsetMin);
  return { stamp: `${local.slice(0, 10)} ${local.slice(11, 19)}`, offset, iso: local.slice(0, -1) + offset };
}

function offsetText(offsetMin: number): string {
  const whole = Math.trunc(Math.abs(offsetMin));
  const two = (number: number): string => String(number).padStart(2, "0");
  return `${offsetMin < 0 ? "-" : "+"}${two(Math.trunc(whole / 60))}:${two(whole % 60)}`;
}
