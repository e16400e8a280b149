import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { afterRestart, errorBits, NO_FAULTS, observeFaults } from "../../../../lib/devices/quasar/fault-watch.ts";
import {
  controlRequests,
  FIRST_PLAN,
  MOST_REQUESTS_PER_POLL,
  nextPoll,
  type PollPlan,
  withoutBlock,
} from "../../../../lib/devices/quasar/poll-plan.ts";
import {
  countFailure,
  countRestart,
  forgetFailures,
  isRestartDue,
  NO_RESTARTS,
  quietAfterOcpp,
  type RestartHistory,
} from "../../../../lib/devices/quasar/restart-policy.ts";
import { observeSession, SESSION_UNSEEN, type SessionEnergy } from "../../../../lib/devices/quasar/session-energy.ts";
import { decodeLive, REGISTER } from "../../../../lib/devices/quasar/wire.ts";

const failing = (times: number, from: RestartHistory = NO_RESTARTS): RestartHistory =>
  Array.from({ length: times }).reduce<RestartHistory>(countFailure, from);
const AROUND = { hasCloud: true, isOcppOn: false, isReleased: false, maxPerDay: 6 };

describe("the restart policy", () => {
  it("wants ten failures in a row", () => {
    assert.equal(isRestartDue(failing(9), AROUND, 0), false);
    assert.equal(isRestartDue(failing(10), AROUND, 0), true);
    assert.equal(isRestartDue(countFailure(forgetFailures(failing(9))), AROUND, 0), false);
  });

  it("never restarts without an account, under OCPP or after a release", () => {
    for (const around of [{ hasCloud: false }, { isOcppOn: true }, { isReleased: true }]) {
      assert.equal(isRestartDue(failing(50), { ...AROUND, ...around }, 0), false);
    }
  });

  it("waits seven minutes between restarts and two after an OCPP change", () => {
    const restarted = failing(10, countRestart(failing(10), 0));
    assert.equal(isRestartDue(restarted, AROUND, 7 * 60_000 - 1), false);
    assert.equal(isRestartDue(restarted, AROUND, 7 * 60_000), true);
    const switched = failing(10, quietAfterOcpp(NO_RESTARTS, 0));
    assert.equal(isRestartDue(switched, AROUND, 119_999), false);
    assert.equal(isRestartDue(switched, AROUND, 120_000), true);
  });

  it("stops after the day's share, and has a new one the next day", () => {
    let history = NO_RESTARTS;
    for (let restart = 0; restart < 6; restart++) history = countRestart(history, restart * 600_000);
    assert.equal(isRestartDue(failing(10, history), AROUND, 6 * 600_000), false);
    assert.equal(isRestartDue(failing(10, history), AROUND, 24 * 3_600_000), true);
  });
});

describe("the fault watch", () => {
  const WRONG = [{ code: "status-error", params: {} }];

  it("raises an alarm after 60 s and not before", () => {
    const watch = observeFaults(NO_FAULTS, WRONG, 1000);
    assert.equal(observeFaults(watch, WRONG, 60_999).isAlarm, false);
    assert.equal(observeFaults(watch, WRONG, 61_000).isAlarm, true);
  });

  it("has 300 s of patience after a restart", () => {
    const watch = observeFaults(afterRestart(NO_FAULTS, 0), WRONG, 1000);
    assert.equal(observeFaults(watch, WRONG, 299_999).isAlarm, false);
    assert.equal(observeFaults(watch, WRONG, 300_000).isAlarm, true);
  });

  it("begins again when the fault was gone in between", () => {
    const watch = observeFaults(observeFaults(observeFaults(NO_FAULTS, WRONG, 0), [], 30_000), WRONG, 40_000);
    assert.equal(observeFaults(watch, WRONG, 70_000).isAlarm, false);
  });

  it("tells recoverable from unrecoverable bits", () => {
    const words = new Map([
      [REGISTER.unrecoverableLow, { word: 4, atMs: 0 }],
      [REGISTER.recoverableHigh, { word: 1, atMs: 0 }],
    ]);
    assert.deepEqual(errorBits(decodeLive(words)), [
      { code: "unrecoverable-error", params: { bit: 2 } },
      { code: "recoverable-error", params: { bit: 16 } },
    ]);
  });
});

describe("session energy", () => {
  const feed = (from: SessionEnergy, powers: readonly number[], stepMs: number): SessionEnergy =>
    powers.reduce<SessionEnergy>((before, powerW, index) => observeSession(before, true, powerW, index * stepMs), from);

  it("adds up what goes into the car", () => {
    const after = feed(
      SESSION_UNSEEN,
      Array.from({ length: 3601 }, () => 3600),
      1000,
    );
    assert.ok(Math.abs((after.energyWh ?? 0) - 3600) < 0.01);
  });

  it("begins at 0 with each plug-in and is null without a car", () => {
    const gone = observeSession(feed(SESSION_UNSEEN, [1000, 1000], 1000), false, 0, 2000);
    assert.deepEqual([gone.energyWh, gone.isComplete], [null, true]);
    assert.equal(observeSession(gone, true, 0, 3000).energyWh, 0);
  });

  it("does not guess over a gap, and says that something is missing", () => {
    const before = observeSession(
      observeSession(observeSession(SESSION_UNSEEN, false, 0, 0), true, 3600, 0),
      true,
      3600,
      1000,
    );
    const after = observeSession(before, true, 3600, 601_000);
    assert.deepEqual([after.energyWh, before.isComplete, after.isComplete], [1, true, false]);
  });

  it("never falls, whatever flows", () => {
    const reading = fc.record({
      powerW: fc.option(fc.integer({ min: -7400, max: 7400 })),
      isPlugged: fc.constantFrom(true, true, null),
    });
    fc.assert(
      fc.property(fc.array(reading), (readings) => {
        let session = SESSION_UNSEEN;
        return readings.every(({ powerW, isPlugged }, index) => {
          const before = session.energyWh ?? 0;
          session = observeSession(session, isPlugged, powerW, index * 1000);
          return (session.energyWh ?? 0) >= before;
        });
      }),
    );
  });
});

describe("the poll plan", () => {
  it("reads all live values in three requests", () => {
    assert.equal(nextPoll(FIRST_PLAN).requests.length, 3);
  });

  it("never asks more than four times a poll, however little the firmware knows, and reads everything in turn", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 20 }), { maxLength: 12 }), (refusals) => {
        let plan: PollPlan = FIRST_PLAN;
        for (const refusal of refusals) {
          const refused = plan.pieces[refusal % Math.max(1, plan.pieces.length)];
          if (refused !== undefined) plan = withoutBlock(plan, refused);
        }
        const wanted = new Set(plan.pieces.map(({ address }) => address));
        for (let poll = 0; poll < 16; poll++) {
          const next = nextPoll(plan);
          if (next.requests.length > MOST_REQUESTS_PER_POLL) return false;
          for (const { address } of next.requests) wanted.delete(address);
          plan = next.plan;
        }
        return wanted.size === 0;
      }),
      { numRuns: 300 },
    );
  });

  it("reads status, power and voltage in every poll", () => {
    let plan = FIRST_PLAN;
    for (const piece of FIRST_PLAN.pieces) plan = withoutBlock(plan, piece);
    for (let poll = 0; poll < 5; poll++) {
      const next = nextPoll(plan);
      const addresses = next.requests.map(({ address }) => address);
      for (const vital of [REGISTER.status, REGISTER.acPowerW, REGISTER.acVoltageV]) {
        assert.ok(addresses.includes(vital));
      }
      plan = next.plan;
    }
  });

  it("knows where the control registers are, in one piece or in two", () => {
    const block = FIRST_PLAN.pieces.find(({ address }) => address === REGISTER.controlOwner);
    assert.ok(block);
    assert.deepEqual(controlRequests(FIRST_PLAN), [block]);
    assert.equal(controlRequests(withoutBlock(FIRST_PLAN, block)).length, 2);
  });
});
