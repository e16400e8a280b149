import { type Command, parseCommand } from "../../../../lib/model/commands.ts";
import {
  type Charger,
  chargerSchema,
  type Meter,
  meterSchema,
  type Plan,
  planSchema,
} from "../../../../lib/model/records.ts";
import { isoAt } from "../../../../lib/model/units.ts";
import { decide } from "../../../../lib/planning/control/control.ts";
import { type Description, describe } from "../../../../lib/planning/control/describe.ts";
import { type ControlSettings, parseControlSettings } from "../../../../lib/planning/control/settings.ts";
import {
  type ControlAction,
  type ControlEvent,
  type ControlState,
  createControlState,
} from "../../../../lib/planning/control/state.ts";

/** 2026-11-21T17:00:00Z */
export const START_MS = Date.UTC(2026, 10, 21, 17);

export const gridMeter = (powerW: number | null, more: Partial<Meter> = {}): Meter =>
  meterSchema.parse({
    kind: "meter",
    device: "house",
    at: isoAt(START_MS),
    channel: 0,
    role: "grid",
    powerW,
    voltageV: 240,
    ...more,
  });

export const charger = (more: Partial<Charger> = {}): Charger =>
  chargerSchema.parse({
    kind: "charger",
    device: "quasar",
    at: isoAt(START_MS),
    online: true,
    plugged: true,
    state: "paused",
    powerW: 0,
    voltageV: 240,
    setpointA: 0,
    socPercent: 60,
    limits: { minA: 3, maxA: 32, maxDischargeA: 32 },
    ...more,
  });

export const planOf = (...slots: readonly [fromS: number, toS: number, powerW: number][]): Plan =>
  planSchema.parse({
    kind: "plan",
    device: "quasar",
    feasible: true,
    slots: slots.map(([fromS, toS, powerW]) => ({
      start: isoAt(START_MS + fromS * 1000),
      end: isoAt(START_MS + toS * 1000),
      powerW,
    })),
  });

type Untimed<Event> = Event extends unknown ? Omit<Event, "nowMs" | "monotonicMs"> : never;
export type Happening = Untimed<ControlEvent>;

/** A controller on a bench: time moves only when told. */
export class Bench {
  state: ControlState;
  readonly settings: ControlSettings;
  monotonicMs = 5_000;
  wallOffsetMs = START_MS - 5_000;
  /** What was sent, in short: amps, 0 for pause, null for release. */
  readonly sends: (number | null)[] = [];
  /** How often a current that is in force already was sent again, to renew it. */
  renewals = 0;
  readonly alarms: string[] = [];
  reports = 0;

  constructor(settings: Partial<Record<keyof ControlSettings, unknown>> = {}, state = createControlState()) {
    this.settings = parseControlSettings({
      minChargeA: 3,
      minDischargeA: 3,
      maxChargeA: 32,
      maxDischargeA: 32,
      startDelayS: 0,
      stopDelayS: 0,
      v2gStopDelayS: 0,
      ...settings,
    });
    this.state = state;
  }

  get nowMs(): number {
    return this.monotonicMs + this.wallOffsetMs;
  }

  get view(): Description {
    return describe(this.state, { nowMs: this.nowMs, monotonicMs: this.monotonicMs }, this.settings);
  }

  get why(): string {
    return this.view.reason.code;
  }

  get targetA(): number | null {
    return this.view.targetA;
  }

  happen(happening: Happening): readonly ControlAction[] {
    const event = { ...happening, nowMs: this.nowMs, monotonicMs: this.monotonicMs } as ControlEvent;
    const { state, actions } = decide(this.state, event, this.settings);
    this.state = state;
    for (const action of actions) {
      if (action.type === "send") this.hear(inShort(action.command));
      if (action.type === "alarm") this.alarms.push(`${action.raised ? "+" : "-"}${action.code}`);
      if (action.type === "report") this.reports += 1;
    }
    return actions;
  }

  private lastSent: number | null = null;

  private hear(sent: number | null): void {
    if (sent !== null && sent !== 0 && sent === this.lastSent) this.renewals += 1;
    else this.sends.push(sent);
    this.lastSent = sent;
  }

  command(payload: unknown): readonly ControlAction[] {
    return this.happen({ type: "command", command: parseCommand(payload, this.nowMs) });
  }

  /** The charger and then the house's meter report, as one device each second. */
  house(gridW: number | null, car: Partial<Charger> = {}): void {
    this.happen({ type: "charger", reading: charger(car) });
    this.happen({ type: "meter", reading: gridMeter(gridW) });
  }

  wait(seconds: number): void {
    this.monotonicMs += seconds * 1000;
    this.happen({ type: "tick" });
  }

  /** The same readings once a second. */
  hold(seconds: number, gridW: number | null, car: Partial<Charger> = {}): void {
    for (let second = 0; second < seconds; second++) {
      this.wait(1);
      this.house(gridW, car);
    }
  }

  /** What was sent since the last call. */
  sent(): (number | null)[] {
    return this.sends.splice(0);
  }
}

export const inShort = (command: Command): number | null =>
  command.command === "pause" ? 0 : command.command === "current" ? command.currentA : null;
