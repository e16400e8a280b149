/*
 * When a session's energy flowed, in buckets of five minutes: enough to price it by any tariff, also by prices that come
 * late, and small enough to be kept at every reading.
 */

/** Length of a bucket, ms; tariffs change at multiples of it. */
export const BUCKET_MS = 300_000;
/** More buckets than this are made fewer and longer, the oldest first. */
const MOST_BUCKETS = 2000;
const FINE_BUCKETS = 1000;
/** An interval beyond this is no measurement but a clock that was set. */
const LONGEST_SPREAD_MS = 7 * 86_400_000;

/** Energy between the first and the last instant at which some flowed, within one bucket. */
export interface ProfileBucket {
  readonly startMs: number;
  readonly endMs: number;
  readonly energyWh: number;
  readonly dischargedWh: number;
  /** of `energyWh`: that whose origin is known */
  readonly knownWh: number;
  readonly sunWh: number;
  readonly batteryWh: number;
}

export type Profile = readonly ProfileBucket[];

/** Where energy came from, Wh; what is left came from the grid. */
export interface Origin {
  readonly sunWh: number;
  readonly batteryWh: number;
}

export interface EnergyInterval {
  readonly fromMs: number;
  readonly toMs: number;
  readonly energyWh: number;
  readonly dischargedWh: number;
}

const indexOf = (atMs: number, lengthMs: number): number => Math.floor(atMs / lengthMs);

/**
 * Spreads energy evenly over its interval. No Wh is lost: whatever the instants are, all of it is in the profile.
 *
 * @param origin null = not known
 */
export function addEnergy(profile: Profile, interval: EnergyInterval, origin: Origin | null): Profile {
  if (interval.energyWh === 0 && interval.dischargedWh === 0) return profile;
  let buckets = profile;
  for (const piece of pieces(interval)) {
    const energyWh = interval.energyWh * piece.share;
    buckets = insert(buckets, {
      startMs: piece.startMs,
      endMs: piece.endMs,
      energyWh,
      dischargedWh: interval.dischargedWh * piece.share,
      knownWh: origin === null ? 0 : energyWh,
      sunWh: (origin?.sunWh ?? 0) * piece.share,
      batteryWh: (origin?.batteryWh ?? 0) * piece.share,
    });
  }
  return buckets.length > MOST_BUCKETS ? coarsen(buckets) : buckets;
}

function pieces({ fromMs, toMs }: EnergyInterval): { startMs: number; endMs: number; share: number }[] {
  const lengthMs = toMs - fromMs;
  if (!(lengthMs > 0) || lengthMs > LONGEST_SPREAD_MS) return [{ startMs: toMs, endMs: toMs, share: 1 }];
  const found = [];
  for (let startMs = fromMs; startMs < toMs; ) {
    const endMs = Math.min(toMs, (indexOf(startMs, BUCKET_MS) + 1) * BUCKET_MS);
    found.push({ startMs, endMs, share: (endMs - startMs) / lengthMs });
    startMs = endMs;
  }
  return found;
}

function insert(buckets: Profile, added: ProfileBucket): Profile {
  const at = buckets.findLastIndex(({ startMs }) => startMs <= added.startMs);
  const earlier = buckets[at];
  if (earlier !== undefined && (isSameBucket(earlier, added) || added.startMs < earlier.endMs)) {
    return buckets.with(at, merge(earlier, added));
  }
  const later = buckets[at + 1];
  if (later !== undefined && isSameBucket(later, added)) return buckets.with(at + 1, merge(later, added));
  return buckets.toSpliced(at + 1, 0, added);
}

const isSameBucket = (a: ProfileBucket, b: ProfileBucket): boolean =>
  indexOf(a.startMs, BUCKET_MS) === indexOf(b.startMs, BUCKET_MS);

function merge(a: ProfileBucket, b: ProfileBucket): ProfileBucket {
  return {
    startMs: Math.min(a.startMs, b.startMs),
    endMs: Math.max(a.endMs, b.endMs),
    energyWh: a.energyWh + b.energyWh,
    dischargedWh: a.dischargedWh + b.dischargedWh,
    knownWh: a.knownWh + b.knownWh,
    sunWh: a.sunWh + b.sunWh,
    batteryWh: a.batteryWh + b.batteryWh,
  };
}

/** The latest stay as they are; the older become hours, and when that is not enough, days. */
function coarsen(buckets: Profile): Profile {
  const recent = buckets.slice(-FINE_BUCKETS);
  let older: readonly ProfileBucket[] = buckets.slice(0, -FINE_BUCKETS);
  for (const lengthMs of [3_600_000, 86_400_000]) {
    if (older.length < FINE_BUCKETS) break;
    const merged = new Map<number, ProfileBucket>();
    for (const bucket of older) {
      const index = indexOf(bucket.startMs, lengthMs);
      const before = merged.get(index);
      merged.set(index, before === undefined ? bucket : merge(before, bucket));
    }
    older = [...merged.values()];
  }
  return [...older, ...recent];
}

/** Sums over the whole profile. */
export function totalsOf(profile: Profile): Omit<ProfileBucket, "startMs" | "endMs"> {
  const sum = { energyWh: 0, dischargedWh: 0, knownWh: 0, sunWh: 0, batteryWh: 0 };
  for (const bucket of profile) {
    sum.energyWh += bucket.energyWh;
    sum.dischargedWh += bucket.dischargedWh;
    sum.knownWh += bucket.knownWh;
    sum.sunWh += bucket.sunWh;
    sum.batteryWh += bucket.batteryWh;
  }
  return sum;
}

/**
 * Makes the profile add up to what the session says it is: energy without a known time counts at `atMs`, and too much is
 * taken off everywhere alike.
 */
export function fitProfile(profile: Profile, energyWh: number, atMs: number): Profile {
  const { energyWh: profiledWh } = totalsOf(profile);
  const missingWh = energyWh - profiledWh;
  if (Math.abs(missingWh) < 1e-9) return profile;
  if (missingWh > 0) {
    return addEnergy(profile, { fromMs: atMs, toMs: atMs, energyWh: missingWh, dischargedWh: 0 }, null);
  }
  const share = energyWh / profiledWh;
  return profile.map((bucket) => ({
    ...bucket,
    energyWh: bucket.energyWh * share,
    knownWh: bucket.knownWh * share,
    sunWh: bucket.sunWh * share,
    batteryWh: bucket.batteryWh * share,
  }));
}
