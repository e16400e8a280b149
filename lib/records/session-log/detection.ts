import type { Charger } from "../../model/records.ts";
import type { DetectedSession, DetectorEvent, DetectorSettings, Finding, Instant } from "../session/detected.ts";

/** The session detector, as the log uses it. `State` is plain JSON. */
export interface Detection<State> {
  begin(device: string): State;
  step(state: State, event: DetectorEvent, settings: DetectorSettings): { state: State; findings: readonly Finding[] };
  /** The session that is going on, as far as it is known; null = no car */
  present(state: State): DetectedSession | null;
  /** Ends the session by a person's word; a car that is still there begins a new one. */
  end(state: State, at: Instant, settings: DetectorSettings): { state: State; findings: readonly Finding[] };
  /** Takes up what was kept. @returns null when it is not of this version */
  revive(kept: unknown): State | null;
}

/** What of a reading is worth writing down although no energy flows. */
export const sightOf = ({ online, plugged, state, rfid }: Charger): string =>
  JSON.stringify([online, plugged, state, rfid]);
