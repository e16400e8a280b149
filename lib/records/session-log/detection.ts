import { randomUUID } from "node:crypto";
import type { DetectedSession, DetectorEvent, DetectorSettings, Finding, Instant } from "../session/detected.ts";
import { detect, readDetectorState, startDetector } from "../session/detector.ts";
import { endByHand } from "../session/end-by-hand.ts";
import type { DetectorState } from "../session/state.ts";
import { describeSession } from "../session/telling.ts";

interface Detected {
  readonly state: DetectorState;
  readonly findings: readonly Finding[];
}

/** The session detector, as the log uses it: only here is known what is inside its state. */
export interface Detection {
  step(state: DetectorState, event: DetectorEvent): Detected;
  /** Ends the session by a person's word. */
  end(state: DetectorState, at: Instant): Detected;
  /** Takes up what was kept, or begins anew. */
  revive(kept: unknown, device: string): DetectorState;
}

export const createDetection = (settings: DetectorSettings, newId: () => string = randomUUID): Detection => ({
  step: (state, event) => detect(state, event, settings, newId),
  end: (state, at) => endByHand(state, at, settings, newId),
  revive: (kept, device) => readDetectorState(kept, device) ?? startDetector(device),
});

/** The session that is going on, as far as it is known; null = no car. */
export function presentSession({ device, time, session }: DetectorState): DetectedSession | null {
  if (time === null || session === null) return null;
  return describeSession(device, time, session, time.lineMs);
}

/** What is worth writing down although nothing is told and no energy flows. */
export const sightOf = ({ phase, activity, isOnline, isPlugDoubtful }: DetectorState): string =>
  [phase, activity, isOnline, isPlugDoubtful].join();
