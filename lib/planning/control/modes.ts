import type { ControlMode } from "../../model/records.ts";

/** What a mode asks for before anything limits it. */
export type ModeWish = "nothing" | "zero" | "maximum" | "amps" | "demand" | "advice";

export interface ModeRow {
  readonly wish: ModeWish;
  /** may put energy into the car */
  readonly charge: boolean;
  /** may take energy out of the car */
  readonly discharge: boolean;
  /** which pair of start and stop delays it waits for */
  readonly delays: "none" | "solar" | "v2g";
  /** never takes more than the sun gives */
  readonly truncates: boolean;
}

/**
 * What each mode wants. Nothing else in the controller knows modes by name; limits.ts then applies to all alike. The
 * same table stands in docs/control.md.
 */
export const MODES: Readonly<Record<ControlMode, ModeRow>> = {
  charge: { wish: "maximum", charge: true, discharge: false, delays: "none", truncates: false },
  discharge: { wish: "maximum", charge: false, discharge: true, delays: "none", truncates: false },
  pause: { wish: "zero", charge: false, discharge: false, delays: "none", truncates: false },
  fixed: { wish: "amps", charge: true, discharge: true, delays: "none", truncates: false },
  solar: { wish: "demand", charge: true, discharge: false, delays: "solar", truncates: true },
  "power-home": { wish: "demand", charge: false, discharge: true, delays: "v2g", truncates: false },
  balance: { wish: "demand", charge: true, discharge: true, delays: "v2g", truncates: false },
  unplug: { wish: "zero", charge: false, discharge: false, delays: "none", truncates: false },
  freerun: { wish: "nothing", charge: false, discharge: false, delays: "none", truncates: false },
  smart: { wish: "advice", charge: true, discharge: true, delays: "none", truncates: false },
};
