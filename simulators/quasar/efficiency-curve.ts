/*
 * What becomes of AC power on its way into a battery and back, as measured on a Quasar (fact sheet v2g 1.4). DC power is
 * joined up by straight lines between the measured points, so that its integral over a power ramp has a closed form: a
 * battery then holds the same energy however often it is looked at.
 */

/** Percent of the AC power that reaches the battery, at 3, 4, 5 ... A. */
const CHARGE_PERCENT = [56.9, 67.9, 73.6, 79.1, 81.6, 83.0, 85.1, 88.3, 87.4, 88.6, 89.1, 89.2];
/** Percent of the battery's power that reaches the mains, at 3, 4, 5 ... A. */
const DISCHARGE_PERCENT = [66.3, 72.4, 77.1, 80.0, 82.7, 84.9, 86.6, 87.7, 89.0, 90.1, 90.4, 90.4, 90.4];
const FIRST_POINT_A = 3;

/** AC to DC and back, both + into the battery. */
export interface Conversion {
  /** Battery side of an AC power, W. */
  dcPowerW(acPowerW: number): number;
  /** Energy into the battery while the AC power moves in a straight line, Wh. */
  dcEnergyWh(fromAcW: number, toAcW: number, durationMs: number): number;
}

interface Point {
  readonly acW: number;
  readonly dcW: number;
  /** integral of DC over AC power from 0 to here, W² */
  readonly area: number;
}

/** @param nominalVoltageV turns the curve's amps into watts */
export function createConversion(nominalVoltageV: number): Conversion {
  const charging = pointsOf(CHARGE_PERCENT, (acW, fraction) => acW * fraction, nominalVoltageV);
  const discharging = pointsOf(DISCHARGE_PERCENT, (acW, fraction) => acW / fraction, nominalVoltageV);
  const curveOf = (acW: number): readonly Point[] => (acW >= 0 ? charging : discharging);
  const dcPowerW = (acW: number): number => Math.sign(acW) * lookUp(curveOf(acW), Math.abs(acW)).dcW;
  const area = (acW: number): number => lookUp(curveOf(acW), Math.abs(acW)).area;
  return {
    dcPowerW,
    dcEnergyWh(fromAcW, toAcW, durationMs) {
      const riseW = toAcW - fromAcW;
      const meanDcW = Math.abs(riseW) < 1e-6 ? dcPowerW((fromAcW + toAcW) / 2) : (area(toAcW) - area(fromAcW)) / riseW;
      return (meanDcW * durationMs) / 3_600_000;
    },
  };
}

function pointsOf(
  percents: readonly number[],
  toDcW: (acW: number, fraction: number) => number,
  voltageV: number,
): readonly Point[] {
  const points: Point[] = [{ acW: 0, dcW: 0, area: 0 }];
  let last: Point = { acW: 0, dcW: 0, area: 0 };
  for (const [index, percent] of percents.entries()) {
    const acW = (FIRST_POINT_A + index) * voltageV;
    const dcW = toDcW(acW, percent / 100);
    last = { acW, dcW, area: last.area + ((last.dcW + dcW) / 2) * (acW - last.acW) };
    points.push(last);
  }
  return points;
}

/** Beyond the last measured point the efficiency stays what it is there. */
function lookUp(points: readonly Point[], acW: number): { readonly dcW: number; readonly area: number } {
  let below: Point = { acW: 0, dcW: 0, area: 0 };
  for (const above of points) {
    if (above.acW > acW) {
      const dcW = below.dcW + ((above.dcW - below.dcW) * (acW - below.acW)) / (above.acW - below.acW);
      return { dcW, area: below.area + ((below.dcW + dcW) / 2) * (acW - below.acW) };
    }
    below = above;
  }
  const dcW = (below.dcW / below.acW) * acW;
  return { dcW, area: below.area + ((below.dcW + dcW) / 2) * (acW - below.acW) };
}
