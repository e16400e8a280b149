/** What one controller would like from the main fuse. */
export interface HeadroomRequest {
  readonly id: string;
  /** Higher goes first. */
  readonly priority: number;
  /** A per phase; 0 = does not want to charge */
  readonly wantA: number;
  /** What flows now, + charge, - discharge, A per phase. */
  readonly nowA: number;
  /** Less than this is useless, A. */
  readonly minA: number;
  /** What it may have while nobody knows the house's load, A. */
  readonly safeA: number;
  /** The phases it draws on, counted from 1; missing = one phase, but nobody knows which. */
  readonly onPhases?: readonly number[] | undefined;
}

export interface HeadroomInput {
  /** Main fuse per phase, A. */
  readonly fuseA: number;
  readonly marginA: number;
  readonly phases: 1 | 2 | 3;
  /**
   * Current at the meter per phase, cars included, + import, A. Shorter than `phases` = only the worst phase is known and
   * stands for all. null = unknown.
   */
  readonly gridCurrentsA: readonly number[] | null;
  readonly requests: readonly HeadroomRequest[];
}

/**
 * Shares the main fuse between controllers: higher priority first, equal priority amp by amp in turn. On each phase the
 * shares never sum to more than the fuse less its margin less the house; whole amps, never negative. What nobody wants
 * is dealt out evenly too, so that a controller can follow the sun without asking again. While the house is unknown
 * each controller gets its safe share, as far as the bare fuse carries them all.
 *
 * Phases: a charger on known phases takes from those, a three-phase one from all three, so that the worst one decides.
 * One on an unknown phase of a three-phase site keeps what flows already, which the meter has seen wherever it is, and
 * takes anything more from every phase. What a discharging car gives is not counted on: it may stop at any moment. An
 * export is not counted on either, except where it hides behind a car on an unknown phase.
 *
 * @returns amps per phase by controller id
 */
export function shareHeadroom(input: HeadroomInput): ReadonlyMap<string, number> {
  const table: Table = { leftA: roomPerPhase(input), shares: new Map(), phases: input.phases };
  for (const { id } of input.requests) table.shares.set(id, 0);
  const isKnown = input.gridCurrentsA !== null;
  const seats = input.requests.map((request) => toSeat(request, table, isKnown));
  const priorities = [...new Set(input.requests.map(({ priority }) => priority))].sort((a, b) => b - a);
  for (const priority of priorities) {
    const group = seats.filter((seat) => seat.priority === priority);
    deal(table, group, (seat) => (isKnown ? seat.wantA : seat.safeA));
  }
  if (isKnown) deal(table, seats, () => input.fuseA);
  return table.shares;
}

interface Table {
  /** What is left on each phase, A. */
  readonly leftA: number[];
  readonly shares: Map<string, number>;
  readonly phases: number;
}

interface Seat extends HeadroomRequest {
  /** The part of its share that the meter has seen already, so that it takes nothing from the room. */
  readonly seenA: number;
  /** Indices into `leftA`. */
  readonly places: readonly number[];
  readonly mostA: number;
}

/** Fuse less margin less house, per phase, A; negative when the fuse is overloaded. An export is not room. */
function roomPerPhase({ fuseA, marginA, gridCurrentsA, phases, requests }: HeadroomInput): number[] {
  return Array.from({ length: phases }, (_, phase) => {
    if (gridCurrentsA === null) return Math.floor(fuseA - marginA);
    const gridA = gridCurrentsA.length >= phases ? gridCurrentsA[phase] : Math.max(...gridCurrentsA);
    if (gridA === undefined || !Number.isFinite(gridA)) return 0;
    const houseA = requests.reduce((sum, car) => sum - (isSubtracted(car, phase, phases) ? car.nowA : 0), gridA);
    return Math.floor(fuseA - marginA - Math.max(0, houseA));
  });
}

/** Charging is subtracted only where it surely is, discharging everywhere it may be. */
const isSubtracted = ({ onPhases, nowA }: HeadroomRequest, phase: number, phases: number): boolean =>
  isUnplaced(onPhases, phases) ? nowA < 0 : phases === 1 || onPhases?.includes(phase + 1) === true;

const isUnplaced = (onPhases: HeadroomRequest["onPhases"], phases: number): boolean =>
  phases > 1 && onPhases === undefined;

function toSeat(request: HeadroomRequest, { leftA, phases }: Table, isKnown: boolean): Seat {
  const all = leftA.map((_, phase) => phase);
  const own = phases === 1 ? all : all.filter((phase) => request.onPhases?.includes(phase + 1) ?? true);
  const unplaced = isKnown && isUnplaced(request.onPhases, phases);
  const overloadA = Math.min(0, ...leftA);
  return {
    ...request,
    places: own,
    seenA: unplaced ? Math.max(0, Math.floor(request.nowA)) : 0,
    mostA: unplaced && overloadA < 0 ? Math.max(0, request.nowA + overloadA) : Number.POSITIVE_INFINITY,
  };
}

/** Minimum first, then one amp at a time in turn, until all have enough or nothing is left. */
function deal(table: Table, seats: readonly Seat[], enoughA: (seat: Seat) => number): void {
  // who charges already keeps its minimum before somebody else gets one
  const inOrder = [...seats].sort((a, b) => Number(b.nowA > 0) - Number(a.nowA > 0));
  let open = inOrder.filter((seat) => {
    const hasSome = (table.shares.get(seat.id) ?? 0) > 0;
    return hasSome || take(table, seat, Math.max(1, Math.ceil(seat.minA)), enoughA(seat));
  });
  while (open.length > 0) open = open.filter((seat) => take(table, seat, 1, enoughA(seat)));
}

function take({ leftA, shares }: Table, seat: Seat, amountA: number, enoughA: number): boolean {
  const hasA = shares.get(seat.id) ?? 0;
  const nextA = hasA + amountA;
  if (seat.places.length === 0 || !(nextA <= enoughA) || nextA > seat.mostA) return false;
  const costA = Math.max(0, nextA - seat.seenA) - Math.max(0, hasA - seat.seenA);
  if (costA > 0 && seat.places.some((phase) => (leftA[phase] ?? 0) < costA)) return false;
  for (const phase of seat.places) leftA[phase] = (leftA[phase] ?? 0) - costA;
  shares.set(seat.id, nextA);
  return true;
}
