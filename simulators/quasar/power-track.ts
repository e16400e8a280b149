import type { Conversion } from "./efficiency-curve.ts";

/** A straight piece of a power curve; the last one of a track has no end. */
export interface TrackPiece {
  readonly fromMs: number;
  readonly toMs: number;
  readonly fromW: number;
  readonly toW: number;
}

/**
 * AC power over time, planned ahead: pieces that join without gaps or jumps, none of them crossing zero. Looking at a
 * track never changes it.
 */
export type PowerTrack = readonly TrackPiece[];

/** The same power for ever. */
export const steady = (fromMs: number, powerW: number): PowerTrack => [
  { fromMs, toMs: Infinity, fromW: powerW, toW: powerW },
];

/** From one power to another at `slewWPerMs`, then steady. */
export function rampTo(fromMs: number, fromW: number, toW: number, slewWPerMs: number): PowerTrack {
  const pieces: TrackPiece[] = [];
  let piece = { atMs: fromMs, atW: fromW };
  for (const nextW of fromW * toW < 0 ? [0, toW] : [toW]) {
    const toMs = piece.atMs + Math.abs(nextW - piece.atW) / slewWPerMs;
    if (toMs > piece.atMs) pieces.push({ fromMs: piece.atMs, toMs, fromW: piece.atW, toW: nextW });
    piece = { atMs: toMs, atW: nextW };
  }
  return [...pieces, ...steady(piece.atMs, toW)];
}

/** Power at an instant, W; before its start a track has its first power. */
export function powerAt(track: PowerTrack, atMs: number): number {
  for (const piece of track) if (atMs < piece.toMs) return powerWithin(piece, atMs);
  return track.at(-1)?.toW ?? 0;
}

/** Energy into the battery since the start of the track, Wh, at speed 1. */
export function dcEnergyUntil(track: PowerTrack, atMs: number, conversion: Conversion): number {
  let energyWh = 0;
  for (const piece of track) {
    if (atMs <= piece.fromMs) break;
    const untilMs = Math.min(atMs, piece.toMs);
    energyWh += conversion.dcEnergyWh(piece.fromW, powerWithin(piece, untilMs), untilMs - piece.fromMs);
  }
  return energyWh;
}

/** What lies between two instants. */
export function cut(track: PowerTrack, fromMs: number, toMs: number): PowerTrack {
  const pieces: TrackPiece[] = [];
  for (const piece of track) {
    const startMs = Math.max(piece.fromMs, fromMs);
    const endMs = Math.min(piece.toMs, toMs);
    if (startMs >= endMs) continue;
    pieces.push({ fromMs: startMs, toMs: endMs, fromW: powerWithin(piece, startMs), toW: powerWithin(piece, endMs) });
  }
  return pieces;
}

/** A battery that ends a charge when full and a discharge when empty. */
export interface BatteryLimits {
  readonly energyWh: number;
  readonly floorWh: number;
  readonly ceilingWh: number;
  /** how many times faster than real the battery fills */
  readonly speedFactor: number;
  /** how fast the power goes away at the end */
  readonly stopSlewWPerMs: number;
}

export interface LimitedTrack {
  readonly track: PowerTrack;
  /** when the battery begins to end it, and when no power flows any more; Infinity = never */
  readonly yieldsMs: number;
  readonly endedMs: number;
}

/** Rounding may leave this much of a limit unused or overdrawn; a thousandth of a watt-second. */
const TOLERANCE_WH = 1e-7;

/**
 * The track as the battery lets it happen: shortly before full (or empty) the power runs down to 0 in such a way that it
 * gets there exactly at the limit.
 */
export function limitByBattery(wish: PowerTrack, limits: BatteryLimits, conversion: Conversion): LimitedTrack {
  const done: TrackPiece[] = [];
  let energyWh = limits.energyWh;
  for (const piece of wish) {
    const yieldsMs = firstInstantWithoutRoom(piece, { ...limits, energyWh }, conversion);
    if (yieldsMs === null) {
      done.push(piece);
      // nothing comes after a piece without end
      if (piece.toMs < Infinity) energyWh += pieceEnergyWh(piece, piece.toMs, conversion) * limits.speedFactor;
      continue;
    }
    if (yieldsMs > piece.fromMs) done.push(...cut([piece], piece.fromMs, yieldsMs));
    const powerW = powerWithin(piece, yieldsMs);
    const restWh = restTo({ ...limits, energyWh }, piece, yieldsMs, conversion);
    const runDownMs = runDownDurationMs(powerW, restWh, limits, conversion);
    if (runDownMs > 0) done.push({ fromMs: yieldsMs, toMs: yieldsMs + runDownMs, fromW: powerW, toW: 0 });
    const endedMs = yieldsMs + runDownMs;
    return { track: [...done, ...steady(endedMs, 0)], yieldsMs, endedMs };
  }
  return { track: done, yieldsMs: Infinity, endedMs: Infinity };
}

function powerWithin(piece: TrackPiece, atMs: number): number {
  if (piece.fromW === piece.toW || atMs <= piece.fromMs) return piece.fromW;
  if (atMs >= piece.toMs) return piece.toW;
  return piece.fromW + ((piece.toW - piece.fromW) * (atMs - piece.fromMs)) / (piece.toMs - piece.fromMs);
}

function pieceEnergyWh(piece: TrackPiece, untilMs: number, conversion: Conversion): number {
  if (piece.fromW === 0 && piece.toW === 0) return 0;
  return conversion.dcEnergyWh(piece.fromW, powerWithin(piece, untilMs), untilMs - piece.fromMs);
}

/** Energy left to the limit that the piece is heading for, Wh. */
function restTo(limits: BatteryLimits, piece: TrackPiece, atMs: number, conversion: Conversion): number {
  const energyWh = limits.energyWh + pieceEnergyWh(piece, atMs, conversion) * limits.speedFactor;
  return piece.fromW + piece.toW > 0 ? limits.ceilingWh - energyWh : energyWh - limits.floorWh;
}

/** Energy that still goes in (or out) while the power runs down to 0, Wh, positive. */
function runDownWh(powerW: number, limits: BatteryLimits, conversion: Conversion): number {
  const durationMs = Math.abs(powerW) / limits.stopSlewWPerMs;
  return Math.abs(conversion.dcEnergyWh(powerW, 0, durationMs)) * limits.speedFactor;
}

/** As long as the usual slew takes, or shorter when the battery has no room for that. */
function runDownDurationMs(powerW: number, restWh: number, limits: BatteryLimits, conversion: Conversion): number {
  if (restWh <= 0) return 0;
  const usualMs = Math.abs(powerW) / limits.stopSlewWPerMs;
  const neededWh = runDownWh(powerW, limits, conversion);
  return neededWh <= restWh ? usualMs : (usualMs * restWh) / neededWh;
}

/** When the battery has just enough room left for running down; null = not within this piece. */
function firstInstantWithoutRoom(piece: TrackPiece, limits: BatteryLimits, conversion: Conversion): number | null {
  if (piece.fromW === 0 && piece.toW === 0) return null;
  const roomWh = (atMs: number): number =>
    restTo(limits, piece, atMs, conversion) - runDownWh(powerWithin(piece, atMs), limits, conversion);
  if (roomWh(piece.fromMs) <= TOLERANCE_WH && !runsDownAnyway(piece, limits)) return piece.fromMs;
  if (roomWh(piece.fromMs) < -TOLERANCE_WH) return piece.fromMs;
  if (piece.fromW === piece.toW) {
    const whPerMs = (Math.abs(conversion.dcPowerW(piece.fromW)) * limits.speedFactor) / 3_600_000;
    const atMs = piece.fromMs + roomWh(piece.fromMs) / whPerMs;
    return atMs < piece.toMs ? atMs : null;
  }
  if (roomWh(piece.toMs) >= -TOLERANCE_WH) return null;
  return bisect(roomWh, piece.fromMs, piece.toMs);
}

/** True for a ramp that already goes to 0 as fast as the battery itself would ask. */
function runsDownAnyway(piece: TrackPiece, limits: BatteryLimits): boolean {
  const slewWPerMs = (Math.abs(piece.fromW) - Math.abs(piece.toW)) / (piece.toMs - piece.fromMs);
  return slewWPerMs >= limits.stopSlewWPerMs * (1 - 1e-9);
}

/** Where a falling function passes 0. */
function bisect(falling: (atMs: number) => number, fromMs: number, toMs: number): number {
  let lowMs = fromMs;
  let highMs = toMs;
  for (let round = 0; round < 60; round++) {
    const middleMs = (lowMs + highMs) / 2;
    if (falling(middleMs) > 0) lowMs = middleMs;
    else highMs = middleMs;
  }
  return lowMs;
}
