/*
 * The energy meter that lives on the WiFi module from ESP32 4.1.9 on (fact sheet openevse 3.7): it starts again at 0 when
 * the car leaves, and after a reboot it knows only what it last saved.
 */

/** What is kept in the module's file. */
export interface MeterCounters {
  readonly sessionWh: number;
  readonly elapsedS: number;
  readonly totalKwh: number;
  readonly dayKwh: number;
  readonly weekKwh: number;
  readonly monthKwh: number;
  readonly yearKwh: number;
  readonly switches: number;
}

export interface MeterReading {
  readonly fromMs: number;
  readonly untilMs: number;
  /** what flowed, per the module's own current and voltage, Wh */
  readonly energyWh: number;
  /** the power of this reading, W */
  readonly powerW: number;
  readonly elapsedS: number;
}

const SAVE_PERIOD_MS = 5 * 60_000;
const DAY_MS = 86_400_000;

const freshCounters = (totalKwh: number): MeterCounters => ({
  sessionWh: 0,
  elapsedS: 0,
  totalKwh,
  dayKwh: 0,
  weekKwh: 0,
  monthKwh: 0,
  yearKwh: 0,
  switches: 0,
});

export class EnergyMeter {
  readonly #countsPauses: boolean;
  #counters: MeterCounters;
  #saved: MeterCounters;
  #savedAtMs: number;
  #updatedAtMs: number;
  /** days since 1970 on the device's own calendar; null = not known yet */
  #day: number | null = null;

  constructor(options: { atMs: number; totalKwh: number; countsPauses: boolean }) {
    this.#countsPauses = options.countsPauses;
    this.#counters = freshCounters(options.totalKwh);
    this.#saved = this.#counters;
    this.#savedAtMs = options.atMs;
    this.#updatedAtMs = options.atMs;
  }
  get counters(): MeterCounters {
    return this.#counters;
  }

  /** One reading with the relay closed. */
  add(reading: MeterReading): void {
    const idleMs = this.#countsPauses ? Math.max(0, reading.fromMs - this.#updatedAtMs) : 0;
    // 4.1.9 to 4.2.1 multiply the first reading after a pause by the whole pause
    const energyWh = reading.energyWh + (reading.powerW * idleMs) / 3_600_000;
    const hasBegun = this.#counters.elapsedS > 0;
    const { sessionWh, elapsedS, totalKwh, dayKwh, weekKwh, monthKwh, yearKwh, switches } = this.#counters;
    const kwh = energyWh / 1000;
    this.#counters = {
      sessionWh: sessionWh + energyWh,
      elapsedS: elapsedS + reading.elapsedS + (hasBegun ? idleMs / 1000 : 0),
      totalKwh: totalKwh + kwh,
      dayKwh: dayKwh + kwh,
      weekKwh: weekKwh + kwh,
      monthKwh: monthKwh + kwh,
      yearKwh: yearKwh + kwh,
      switches,
    };
    this.#updatedAtMs = reading.untilMs;
    if (reading.untilMs - this.#savedAtMs >= SAVE_PERIOD_MS) this.save(reading.untilMs);
  }
  /** The relay opened or closed. */
  countSwitch(): void {
    this.#counters = { ...this.#counters, switches: this.#counters.switches + 1 };
  }
  /** The car has left. */
  endSession(nowMs: number): void {
    this.#counters = { ...this.#counters, sessionWh: 0, elapsedS: 0 };
    this.save(nowMs);
  }
  save(nowMs: number): void {
    this.#saved = this.#counters;
    this.#savedAtMs = nowMs;
  }
  /** What a reboot leaves. */
  restore(nowMs: number): void {
    this.#counters = this.#saved;
    this.#savedAtMs = nowMs;
    this.#updatedAtMs = nowMs;
    this.#day = null;
  }
  /** `DELETE /emeter`: session and calendar counters, with `hard` all of them. */
  reset(isHard: boolean, nowMs: number): void {
    const { totalKwh, switches } = this.#counters;
    this.#counters = isHard ? freshCounters(0) : { ...freshCounters(totalKwh), switches };
    this.save(nowMs);
  }
  /** The file was damaged: all is 0, and the lifetime is taken from the controller. */
  importTotal(totalKwh: number, nowMs: number): void {
    this.#counters = freshCounters(totalKwh);
    this.save(nowMs);
  }
  /** Follows the calendar. @param localMs the device's local time as if it were UTC */
  roll(localMs: number, nowMs: number): void {
    const day = Math.floor(localMs / DAY_MS);
    if (day === this.#day) return;
    if (this.#day !== null) {
      const before = new Date(this.#day * DAY_MS);
      const now = new Date(day * DAY_MS);
      const isNewYear = now.getUTCFullYear() !== before.getUTCFullYear();
      const isNewMonth = isNewYear || now.getUTCMonth() !== before.getUTCMonth();
      const { weekKwh, monthKwh, yearKwh } = this.#counters;
      this.#counters = {
        ...this.#counters,
        dayKwh: 0,
        weekKwh: now.getUTCDay() === 0 ? 0 : weekKwh,
        monthKwh: isNewMonth ? 0 : monthKwh,
        yearKwh: isNewYear ? 0 : yearKwh,
      };
      this.save(nowMs);
    }
    this.#day = day;
  }
}
