import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { type HeadroomInput, type HeadroomRequest, shareHeadroom } from "../../../../lib/planning/control/headroom.ts";
import { headroomRequest } from "../../../../lib/planning/control/describe.ts";
import { Bench } from "./drive.ts";

const car = (id: string, more: Partial<HeadroomRequest> = {}): HeadroomRequest => ({
  id,
  priority: 1,
  wantA: 32,
  nowA: 0,
  minA: 6,
  safeA: 6,
  ...more,
});
const site = (more: Partial<HeadroomInput>): HeadroomInput => ({
  fuseA: 63,
  marginA: 3,
  phases: 1,
  gridCurrentsA: [20],
  requests: [],
  ...more,
});
const shares = (more: Partial<HeadroomInput>): Record<string, number> => Object.fromEntries(shareHeadroom(site(more)));

describe("site: sharing the main fuse", () => {
  it("gives one car all that the house leaves", () => {
    assert.deepEqual(shares({ requests: [car("a")] }), { a: 40 });
  });

  it("does not count the cars' own current as house", () => {
    assert.deepEqual(shares({ gridCurrentsA: [50], requests: [car("a", { nowA: 30 })] }), { a: 40 });
  });

  it("serves the higher priority first", () => {
    const requests = [car("low"), car("high", { priority: 5 })];
    assert.deepEqual(shares({ requests }), { low: 8, high: 32 });
  });

  it("shares equally among equals", () => {
    assert.deepEqual(shares({ requests: [car("a"), car("b")] }), { a: 20, b: 20 });
    assert.deepEqual(shares({ requests: [car("a", { wantA: 10 }), car("b")] }), { a: 10, b: 30 });
  });

  it("rather serves one well than two badly, and keeps serving the one that charges", () => {
    const requests = [car("a"), car("b", { nowA: 9 })];
    assert.deepEqual(shares({ gridCurrentsA: [60], requests }), { a: 0, b: 9 });
  });

  it("does not count on what a discharging car gives", () => {
    const requests = [car("a"), car("v2g", { nowA: -15, wantA: 0 })];
    const { a = 0, v2g = 0 } = shares({ gridCurrentsA: [30], requests });
    assert.equal(a + v2g, 15);
  });

  it("does not count on the sun either", () => {
    assert.deepEqual(shares({ gridCurrentsA: [-20], requests: [car("a", { wantA: 100 })] }), { a: 60 });
  });

  it("gives each its safe share while the house is unknown, as far as the fuse carries them", () => {
    const requests = [car("a"), car("b", { safeA: 10 }), car("c", { priority: 9 })];
    assert.deepEqual(shares({ gridCurrentsA: null, requests }), { a: 6, b: 10, c: 6 });
    assert.deepEqual(shares({ gridCurrentsA: null, fuseA: 16, requests }), { a: 7 - 1, b: 0, c: 6 });
  });

  it("knows that cars on different phases do not share a fuse", () => {
    const requests = [car("a", { onPhases: [1] }), car("b", { onPhases: [2] })];
    const got = shares({ fuseA: 25, marginA: 1, phases: 3, gridCurrentsA: [4, 10, 22], requests });
    assert.deepEqual(got, { a: 20, b: 14 });
  });

  it("lets a car on an unknown phase keep what the meter has seen and add only what every phase has", () => {
    const requests = [car("a", { nowA: 16 })];
    assert.deepEqual(shares({ fuseA: 25, marginA: 1, phases: 3, gridCurrentsA: [20, 2, 2], requests }), { a: 20 });
    assert.deepEqual(shares({ fuseA: 25, marginA: 1, phases: 3, gridCurrentsA: [30, 2, 2], requests }), { a: 10 });
  });

  it("gives nothing on a reading that is no number", () => {
    assert.deepEqual(shares({ gridCurrentsA: [Number.NaN], requests: [car("a")] }), { a: 0 });
    assert.deepEqual(shares({ gridCurrentsA: [], requests: [car("a")] }), { a: 0 });
  });

  it("on every phase: house and shares together never exceed the fuse, and no share is negative", () => {
    // the truth: which phase each single-phase car is really on, and what the house takes there
    const truth = fc.record({
      houseA: fc.array(fc.integer({ min: -20, max: 60 }), { minLength: 3, maxLength: 3 }),
      cars: fc.array(
        fc.record({
          phase: fc.integer({ min: 1, max: 3 }),
          isKnown: fc.boolean(),
          priority: fc.integer({ min: 0, max: 3 }),
          wantA: fc.integer({ min: 0, max: 40 }),
          nowA: fc.integer({ min: -16, max: 32 }),
          minA: fc.constantFrom(3, 6),
          safeA: fc.constantFrom(0, 6, 10),
        }),
        { maxLength: 6 },
      ),
      fuseA: fc.integer({ min: 10, max: 100 }),
      phases: fc.constantFrom(1 as const, 3 as const),
      isMeterKnown: fc.boolean(),
    });
    fc.assert(
      fc.property(truth, ({ houseA, cars, fuseA, phases, isMeterKnown }) => {
        const onPhase = (phase: number) => cars.filter((each) => phases === 1 || each.phase === phase);
        const gridCurrentsA = Array.from(
          { length: phases },
          (_, index) => (houseA[index] ?? 0) + onPhase(index + 1).reduce((sum, { nowA }) => sum + nowA, 0),
        );
        const requests = cars.map(({ phase, isKnown, ...rest }, index) => ({
          ...rest,
          id: `${index}`,
          onPhases: isKnown ? [phase] : undefined,
        }));
        const got = shareHeadroom({
          fuseA,
          marginA: 0,
          phases,
          gridCurrentsA: isMeterKnown ? gridCurrentsA : null,
          requests,
        });
        for (const shareA of got.values()) assert.ok(Number.isInteger(shareA) && shareA >= 0, `${shareA}`);
        for (let phase = 1; phase <= phases; phase++) {
          const sharesA = cars.reduce(
            (sum, each, index) => sum + (onPhase(phase).includes(each) ? (got.get(`${index}`) ?? 0) : 0),
            0,
          );
          // an export may hide behind a car on an unknown phase; elsewhere it is not counted on
          const leastA = phases === 3 && cars.some((each) => !each.isKnown) ? Number.NEGATIVE_INFINITY : 0;
          const house = isMeterKnown ? Math.max(leastA, houseA[phase - 1] ?? 0) : 0;
          assert.ok(sharesA === 0 || sharesA + house <= fuseA, `phase ${phase}: ${sharesA} + ${house} > ${fuseA}`);
        }
      }),
      { numRuns: 5000 },
    );
  });
});

describe("control: what it asks of the site", () => {
  it("asks for what it would take if the fuse were endless", () => {
    const bench = new Bench({ maxChargeA: 20 });
    bench.house(0);
    const asked = () => headroomRequest(bench.state, bench, bench.settings);
    assert.equal(asked().wantA, 0);
    bench.command("charge");
    bench.happen({ type: "headroom", availableA: 8 });
    assert.equal(bench.targetA, 8);
    assert.equal(asked().wantA, 20);
    bench.command("discharge");
    assert.equal(asked().wantA, 0);
  });

  it("keeps room for a charger that it has let go", () => {
    const bench = new Bench();
    bench.house(2400, { powerW: 2400, state: "charging" });
    assert.equal(headroomRequest(bench.state, bench, bench.settings).wantA, 10);
  });
});
