/*
 * The words in which the controller explains itself. The texts belong to the locale files; `reasonCodes` and
 * `alarmCodes` are exported so that a test can see that each has one.
 */

/**
 * Why the set point is what it is. Parameters in brackets.
 *
 * What the mode does:
 * - `hands-off` nothing is sent
 * - `charging-now` [currentA, by], `discharging-now` [currentA, by], `fixed` [currentA, by], `paused` [by]
 * - `waiting-unplug` 0 A until the car is gone
 * - `following-sun` [surplusW], `powering-house` [demandW], `balancing-charge` [surplusW], `balancing-discharge` [demandW]
 * - `waiting-surplus` [surplusW], `waiting-load` [demandW], `balanced` [demandW]
 * - `start-delay` [remainingS], `stop-delay` [remainingS]
 * - `plan-charge` [currentA], `plan-discharge` [currentA], `plan-rest`, `no-plan`, `plan-expired`
 *
 * What limits it:
 * - `device-limit` [currentA], `user-limit` [currentA], `config-limit` [currentA], `fuse-limit` [currentA], `export-limit` [currentA]
 * - `below-minimum` [currentA, minA]
 * - `no-car`, `no-discharge` (the charger cannot, or has not said that it can)
 * - `soc-floor` [socPercent, floorPercent], `soc-ceiling` [socPercent, ceilingPercent], `soc-unknown`, `soc-probe` [currentA]
 *
 * Safe state:
 * - `safe-charge` [currentA] the meter is lost, the fuse carries this much without it
 * - `meter-missing`, `meter-lost`, `meter-recovering` [remainingS], `car-power-unknown`
 * - `charger-missing`, `charger-lost`, `charger-recovering` [remainingS], `charger-fault`
 */
export const reasonCodes = [
  "hands-off",
  "charging-now",
  "discharging-now",
  "fixed",
  "paused",
  "waiting-unplug",
  "following-sun",
  "powering-house",
  "balancing-charge",
  "balancing-discharge",
  "waiting-surplus",
  "waiting-load",
  "balanced",
  "start-delay",
  "stop-delay",
  "plan-charge",
  "plan-discharge",
  "plan-rest",
  "no-plan",
  "plan-expired",
  "device-limit",
  "user-limit",
  "config-limit",
  "fuse-limit",
  "export-limit",
  "below-minimum",
  "no-car",
  "no-discharge",
  "soc-floor",
  "soc-ceiling",
  "soc-unknown",
  "soc-probe",
  "safe-charge",
  "meter-missing",
  "meter-lost",
  "meter-recovering",
  "car-power-unknown",
  "charger-missing",
  "charger-lost",
  "charger-recovering",
  "charger-fault",
] as const;
export type ReasonCode = (typeof reasonCodes)[number];

/** A reason as a word and its numbers, like `Reason` of the model but with a closed list of words. */
export interface ControlReason {
  readonly code: ReasonCode;
  readonly params: Readonly<Record<string, string | number>>;
}

export const because = (code: ReasonCode, params: Readonly<Record<string, string | number>> = {}): ControlReason => ({
  code,
  params,
});

/** While one of these holds, the user's choice cannot be followed. */
export const safeStateCodes: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  "safe-charge",
  "meter-missing",
  "meter-lost",
  "meter-recovering",
  "car-power-unknown",
  "charger-missing",
  "charger-lost",
  "charger-recovering",
  "charger-fault",
]);

/**
 * What somebody should know about. Parameters in brackets.
 *
 * - `meter-missing` no grid reading ever although the mode needs one; `meter-lost` none any more
 * - `meter-frozen` the same reading for minutes while current flows; `meter-implausible` [powerW] one that cannot be true
 * - `charger-missing` nothing ever heard of the charger although the mode needs it; `charger-lost` nothing any more
 * - `charger-fault` [fault]; `charger-disobeys` [powerW, targetA] the car does what it was not told
 * - `fuse-overload` [currentA, fuseA] more current than the main fuse is made for
 */
export const alarmCodes = [
  "meter-missing",
  "meter-lost",
  "meter-frozen",
  "meter-implausible",
  "charger-missing",
  "charger-lost",
  "charger-fault",
  "charger-disobeys",
  "fuse-overload",
] as const;
export type AlarmCode = (typeof alarmCodes)[number];
