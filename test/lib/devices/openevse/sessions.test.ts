import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import type { DetectedSession } from "../../../../lib/records/session/detected.ts";
import { defaultDetectorSettings, detect, startDetector } from "../../../../lib/records/session/detector.ts";
import { openEvseGenerations } from "../../../../simulators/openevse.ts";
import { type Rig, type RigOptions, startRig } from "./rig.ts";

/* From the charger's own words to a session: what one half of the product says, the other half must understand. */

interface Watching {
  readonly rig: Rig;
  readonly sessions: Map<string, DetectedSession>;
  /** Lets time pass while sessions are looked for. */
  pass(seconds: number): Promise<void>;
}

const rigs: Rig[] = [];
async function watching(options: RigOptions): Promise<Watching> {
  const rig = await startRig(options);
  rigs.push(rig);
  const sessions = new Map<string, DetectedSession>();
  let state = startDetector("OpenEVSE");
  const take = (event: Parameters<typeof detect>[1]): void => {
    const outcome = detect(state, event, defaultDetectorSettings, () => crypto.randomUUID());
    state = outcome.state;
    for (const finding of outcome.findings)
      if ("session" in finding) sessions.set(finding.session.sessionId, finding.session);
  };
  const now = () => ({ nowMs: rig.clock.nowMs(), monotonicMs: rig.clock.monotonicMs() });
  rig.device.subscribe(({ charger }) =>
    take({ type: "reading", charger, isSnapshot: charger.flags.includes("snapshot"), ...now() }),
  );
  return {
    rig,
    sessions,
    async pass(seconds) {
      for (let second = 0; second < seconds; second++) {
        await rig.pass(1);
        take({ type: "tick", ...now() });
      }
    },
  };
}

describe("openevse: sessions out of its readings", function () {
  this.timeout(60_000);
  afterEach(async () => {
    for (const rig of rigs.splice(0)) await rig.stop();
  });

  for (const over of ["mqtt", "http"] as const) {
    for (const generation of openEvseGenerations) {
      it(`${generation} over ${over}: one plugged car is one session with all its energy`, async () => {
        const whMeaning = generation === "2.7.5" ? "session-ws" : null;
        const { rig, sessions, pass } = await watching({ over, simulator: { generation }, settings: { whMeaning } });
        await pass(40);
        rig.simulator.plug();
        await pass(100);
        rig.simulator.setCarRefusing(true);
        await pass(40);
        rig.simulator.setCarRefusing(false);
        await pass(100);
        rig.simulator.unplug();
        await pass(130);
        assert.equal(sessions.size, 1);
        const [session] = sessions.values();
        assert.ok(session !== undefined && session.unpluggedAtMs !== null, "it is closed");
        const { deliveredWh } = rig.simulator;
        // idle time that 4.1.9 to 4.2.1 count as charging is bounded by the detector
        const toleranceWh = ["4.1.9", "4.2.1"].includes(generation) ? 60 : 2;
        assert.ok(
          Math.abs(session.energyWh - deliveredWh) <= toleranceWh,
          `${session.energyWh} of ${deliveredWh} Wh, ${session.energySource}, ${session.flags.join()}`,
        );
        assert.ok(Math.abs(session.pluggedS - 240) < 45, `${session.pluggedS} s`);
      });
    }
  }

  it("one session, over a reboot of the module and of the broker", async () => {
    const { rig, sessions, pass } = await watching({ simulator: { generation: "5.1.5" } });
    await pass(35);
    rig.simulator.plug();
    await pass(330);
    rig.simulator.reboot(15_000);
    await pass(60);
    await rig.broker.stop();
    await pass(20);
    await rig.broker.start();
    await pass(100);
    rig.simulator.unplug();
    await pass(60);
    assert.equal(sessions.size, 1);
    const [session] = sessions.values();
    assert.notEqual(session?.unpluggedAtMs, null);
    assert.ok((session?.energyWh ?? 0) <= rig.simulator.deliveredWh + 2);
    assert.ok((session?.energyWh ?? 0) > rig.simulator.deliveredWh * 0.4);
  });
});
