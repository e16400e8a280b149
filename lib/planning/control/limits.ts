import { because, type ControlReason, type ReasonCode } from "./codes.ts";
import type { ControlSettings } from "./settings.ts";
import type { SocLatches } from "./soc.ts";

/*
 * The one place that every set point passes. A charge wish leaves it as 0 or as whole positive amps, a discharge wish as
 * 0 or as whole negative amps; each direction has its own checks (fact sheet v2g 8.13).
 */

export interface LimitInput {
  /** What the charger said about itself; null = nothing yet. */
  readonly device: { readonly minA: number; readonly maxA: number; readonly maxDischargeA: number } | null;
  /** From commands, A; Infinity = none. */
  readonly commanded: { readonly maxA: number; readonly maxDischargeA: number };
  /** What the main fuse leaves for charging, A; null = not guarded. */
  readonly fuseCapA: number | null;
  /** What fuse and export limit leave for discharging, A; null = not guarded. */
  readonly exportCapA: number | null;
  /** Why no grid reading may be acted upon; null = one may. */
  readonly meterTrouble: ControlReason | null;
  readonly socPercent: number | null;
  readonly latches: SocLatches;
}

export interface Limited {
  /** Whole amps, + charge, - discharge. */
  readonly targetA: number;
  /** What changed the wish; null = nothing worth telling. */
  readonly reason: ControlReason | null;
  /** What would flow if the main fuse had room for everything, A; for sharing the fuse. */
  readonly beforeFuseA: number;
}

interface Cap {
  readonly code: ReasonCode;
  readonly capA: number;
  /** Ordinary bounds are only worth telling when they leave nothing. */
  readonly ordinary: boolean;
  readonly params?: Readonly<Record<string, string | number>>;
}

/** @param wantA what the mode wants, any number; what is not finite becomes 0 */
export function limitTarget(wantA: number, limits: LimitInput, settings: ControlSettings): Limited {
  if (wantA > 0) {
    const fuse = limits.fuseCapA;
    const minA = minimumA(settings.minChargeA, limits, isProbing(limits, settings));
    return lower(wantA, minA, chargeCaps(limits, settings), fuse === null ? [] : [cap("fuse-limit", fuse)]);
  }
  if (wantA < 0) {
    const minA = minimumA(settings.minDischargeA, limits, false);
    const limited = lower(-wantA, minA, dischargeCaps(limits, settings), []);
    return { ...limited, targetA: limited.targetA === 0 ? 0 : -limited.targetA, beforeFuseA: 0 };
  }
  return { targetA: 0, reason: null, beforeFuseA: 0 };
}

/** With an unknown state of charge the car is only charged gently, until it tells. */
export function isProbing({ socPercent, device }: LimitInput, settings: ControlSettings): boolean {
  if (socPercent !== null || settings.unknownSoc === "charge") return false;
  return settings.unknownSoc === "probe" || device === null || device.maxDischargeA > 0;
}

/** Smallest current that may flow, whole amps. */
export function minimumA(settingA: number, { device }: Pick<LimitInput, "device">, probing: boolean): number {
  const deviceMinA = Math.ceil(device?.minA ?? 0);
  return Math.max(1, deviceMinA, probing ? 0 : Math.ceil(settingA));
}

function chargeCaps(limits: LimitInput, settings: ControlSettings): Cap[] {
  const caps = [
    cap("device-limit", limits.device?.maxA ?? Number.POSITIVE_INFINITY, true),
    cap("user-limit", limits.commanded.maxA, true),
    cap("config-limit", settings.maxChargeA, true),
  ];
  if (isProbing(limits, settings)) {
    const gentleA = Math.max(Math.ceil(limits.device?.minA ?? 0), settings.probeA);
    caps.push(settings.probeA > 0 ? cap("soc-probe", gentleA) : stop("soc-unknown"));
  }
  if (limits.meterTrouble !== null) caps.push(cap("safe-charge", safeChargeA(settings)));
  if (limits.latches.atCeiling) {
    caps.push(stop("soc-ceiling", { socPercent: limits.socPercent ?? -1, ceilingPercent: settings.ceilingSocPercent }));
  }
  return caps;
}

/** What the fuse carries without the meter being seen, A. */
const safeChargeA = ({ safeChargeA: safe, fuseA, fuseMarginA }: ControlSettings): number =>
  fuseA === null ? safe : Math.max(0, Math.min(safe, fuseA - fuseMarginA));

function dischargeCaps(limits: LimitInput, settings: ControlSettings): Cap[] {
  const deviceA = limits.device?.maxDischargeA ?? 0;
  const caps = [
    deviceA > 0 ? cap("device-limit", deviceA, true) : stop("no-discharge"),
    cap("user-limit", limits.commanded.maxDischargeA, true),
    cap("config-limit", settings.maxDischargeA, true),
  ];
  if (limits.exportCapA !== null) caps.push(cap("export-limit", limits.exportCapA));
  if (limits.meterTrouble !== null) caps.push(stop(limits.meterTrouble.code, limits.meterTrouble.params));
  if (limits.socPercent === null) caps.push(stop("soc-unknown"));
  if (limits.latches.atFloor) {
    caps.push(stop("soc-floor", { socPercent: limits.socPercent ?? -1, floorPercent: settings.floorSocPercent }));
  }
  return caps;
}

/** What is not a number of amps allows nothing. */
const cap = (code: ReasonCode, capA: number, ordinary = false): Cap => ({
  code,
  capA: capA > 0 ? capA : 0,
  ordinary,
});
const stop = (code: ReasonCode, params: Cap["params"] = {}): Cap => ({ code, capA: 0, ordinary: false, params });

/** The magnitude after all caps; what falls below the minimum is 0, never raised. */
function lower(wishA: number, minA: number, caps: readonly Cap[], fuse: readonly Cap[]): Limited {
  const before = tightest(wishA, caps);
  // of equal caps the fuse is told last: a lost meter takes the site's share down with it, and is the cause
  const { amountA, by } = tightest(wishA, [...fuse, ...caps]);
  const targetA = amountA >= minA ? amountA : 0;
  const beforeFuseA = before.amountA >= minA ? before.amountA : 0;
  if (by === null) {
    const reason = targetA === 0 ? because("below-minimum", { currentA: amountA, minA }) : null;
    return { targetA, reason, beforeFuseA };
  }
  if (targetA > 0 && by.ordinary) return { targetA, reason: null, beforeFuseA };
  return { targetA, reason: because(by.code, by.params ?? { currentA: targetA }), beforeFuseA };
}

function tightest(wishA: number, caps: readonly Cap[]): { readonly amountA: number; readonly by: Cap | null } {
  let amountA = Number.isFinite(wishA) ? Math.trunc(wishA) : 0;
  let by: Cap | null = null;
  for (const each of caps) {
    // of two equal caps the later one is the graver one
    if (by === null ? each.capA >= amountA : each.capA > by.capA) continue;
    by = each;
    amountA = Math.max(0, Math.trunc(Math.min(amountA, each.capA)));
  }
  return { amountA, by };
}
