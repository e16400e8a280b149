import { REGISTER } from "./wire.ts";

/*
 * Which registers to read in which request: all live values in three requests, never more than four in one poll. A
 * firmware that answers a block with exception 2 is read in pieces, what matters most in every poll and the rest in turn;
 * a piece that is refused as well does not exist (fact sheet v2g 2, 2.4 quirk 9). Pure.
 */

export interface ReadRequest {
  readonly address: number;
  readonly count: number;
}

interface Piece extends ReadRequest {
  /** part of every poll */
  readonly isVital: boolean;
  /** what to read instead when the device does not know all of it */
  readonly parts: readonly Piece[];
}

const piece = (address: number, count: number, isVital = false, parts: readonly Piece[] = []): Piece => ({
  address,
  count,
  isVital,
  parts,
});

export const MOST_REQUESTS_PER_POLL = 4;

export const CONTROL_BLOCK = piece(REGISTER.controlOwner, 8, false, [
  piece(REGISTER.controlOwner, 3),
  piece(REGISTER.idleTimeoutS, 1),
]);
const SET_POINT_BLOCK = piece(REGISTER.lock, 5, false, [
  piece(REGISTER.currentSetpointA, 1),
  piece(REGISTER.powerSetpointW, 1),
  piece(REGISTER.lock, 1),
]);
const LIVE_BLOCK = piece(REGISTER.maxAvailableA, 38, true, [
  piece(REGISTER.status, 6, true, [piece(REGISTER.status, 1, true), piece(REGISTER.socPercent, 1)]),
  piece(REGISTER.acPowerW, 1, true),
  // the mains voltage tells a crash from a car that left
  piece(REGISTER.acVoltageV, 1, true),
  piece(REGISTER.acCurrentA, 1),
  piece(REGISTER.maxAvailableA, 1),
  piece(REGISTER.maxAvailableW, 1),
  piece(REGISTER.dcVoltage, 2),
]);

export interface PollPlan {
  readonly pieces: readonly Piece[];
  /** which of the pieces that take turns comes first next time */
  readonly turn: number;
}

export const FIRST_PLAN: PollPlan = { pieces: [LIVE_BLOCK, SET_POINT_BLOCK, CONTROL_BLOCK], turn: 0 };

/** What to read in this poll, at most four requests; the second half of the answer is for the next poll. */
export function nextPoll(plan: PollPlan): { requests: readonly ReadRequest[]; plan: PollPlan } {
  if (plan.pieces.length <= MOST_REQUESTS_PER_POLL) return { requests: plan.pieces, plan };
  const vital = plan.pieces.filter(({ isVital }) => isVital).slice(0, MOST_REQUESTS_PER_POLL);
  const others = plan.pieces.filter(({ isVital }) => !isVital);
  const places = Math.min(MOST_REQUESTS_PER_POLL - vital.length, others.length);
  const chosen = Array.from({ length: places }, (_, place) => others[(plan.turn + place) % others.length]);
  return {
    requests: [...vital, ...chosen.filter((request) => request !== undefined)],
    plan: { ...plan, turn: others.length === 0 ? 0 : (plan.turn + places) % others.length },
  };
}

/** The device does not know these addresses: read the parts from now on, or nothing when there are none. */
export function withoutBlock(plan: PollPlan, refused: ReadRequest): PollPlan {
  return {
    turn: 0,
    pieces: plan.pieces.flatMap((known) =>
      known.address === refused.address && known.count === refused.count ? known.parts : [known],
    ),
  };
}

/** The requests that together hold the control registers, as far as the device has them. */
export const controlRequests = (plan: PollPlan): readonly ReadRequest[] =>
  plan.pieces.filter(
    ({ address }) => address >= CONTROL_BLOCK.address && address < CONTROL_BLOCK.address + CONTROL_BLOCK.count,
  );
