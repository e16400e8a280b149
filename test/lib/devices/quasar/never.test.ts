import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { parseCommand } from "../../../../lib/model/commands.ts";
import { REGISTER } from "../../../../lib/devices/quasar/wire.ts";
import { createRig, START_MS } from "./rig.ts";

/*
 * What can never happen, whatever is sent in whatever order while whatever goes wrong: a firmware update, a reboot, a
 * number beyond the limits, a write that nobody asked for.
 */

const amps = fc.oneof(fc.integer({ min: -40, max: 40 }), fc.double(), fc.constantFrom(1e6, -1, Number.NaN, Infinity));
const payload = fc.oneof(
  amps,
  fc.constantFrom("charge", "discharge", "pause", "release", "refresh", "restart", "solar", "16; DROP", "", null, "4"),
  fc.record({ command: fc.constantFrom("charge", "discharge"), currentA: amps }),
  fc.record({ command: fc.constant("current"), currentA: amps }),
  fc.record({ command: fc.constant("power"), powerW: fc.oneof(amps, fc.integer({ min: -9000, max: 9000 })) }),
  fc.record({ command: fc.constant("limit"), maxA: amps, maxDischargeA: amps }),
  fc.record({ command: fc.constantFrom("ocpp", "mode", "action"), enabled: fc.boolean(), action: fc.constant(4) }),
);
const event = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("payload" as const), payload }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("plug" as const, "unplug" as const, "cut" as const, "reboot" as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("fault" as const),
      fault: fc.constantFrom(
        null,
        null,
        "zeros" as const,
        "ignore-writes" as const,
        "unknown-status" as const,
        "exception-5" as const,
        "exception-4" as const,
        "hang" as const,
      ),
    }),
  },
);

describe("what never happens to a Quasar", () => {
  for (const mode of ["current", "power"] as const) {
    it(`in ${mode} mode: no action but start and stop, no number beyond the limits, no unknown register`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(event, fc.integer({ min: 0, max: 30_000 })), { maxLength: 25 }),
          async (story) => {
            const rig = createRig({
              settings: { mode, maxChargeA: 20, maxDischargeA: 10 },
              charger: { rebootOutageMs: 5000 },
            });
            await rig.until("the first record", () => rig.reports.length > 0);
            for (const [happening, pauseMs] of story) {
              switch (happening.kind) {
                case "payload":
                  try {
                    rig.quasar.obey(parseCommand(happening.payload, START_MS)).catch(() => {});
                  } catch {
                    // not a command at all
                  }
                  break;
                case "fault":
                  rig.charger.setFault(happening.fault);
                  break;
                case "cut":
                  rig.wire.cut();
                  break;
                case "reboot":
                  rig.charger.powerCycle();
                  rig.wire.cut();
                  break;
                default:
                  rig.charger[happening.kind]();
              }
              await rig.advance(pauseMs);
            }
            await rig.close();
            for (const { address, values } of rig.charger.writes) {
              const signed = ((values[0] ?? 0) << 16) >> 16;
              assert.ok(ALLOWED[address]?.(signed) === true, `0x${address.toString(16)} ${signed}`);
            }
            assert.equal(rig.charger.firmwareUpdates, 0);
            assert.ok(rig.wire.peak <= 1 && rig.wire.open === 0 && rig.clock.pending === 0);
          },
        ),
        { numRuns: 40 },
      );
    }).timeout(60_000);
  }
});

const ALLOWED: Readonly<Record<number, (word: number) => boolean>> = {
  [REGISTER.controlOwner]: (word) => word === 0 || word === 1,
  [REGISTER.autoStart]: (word) => word === 0,
  [REGISTER.setpointType]: (word) => word === 0 || word === 1,
  [REGISTER.idleTimeoutS]: (word) => word === 900,
  [REGISTER.action]: (word) => word === 1 || word === 2,
  [REGISTER.currentSetpointA]: (word) => word === 0 || (word >= 3 && word <= 20) || (word <= -3 && word >= -10),
  [REGISTER.powerSetpointW]: (word) =>
    word === 0 || (word >= 600 && word <= 20 * 240) || (word <= -600 && word >= -10 * 240),
};
