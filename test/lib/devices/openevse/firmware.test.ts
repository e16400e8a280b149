import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { chargerRecord } from "../../../../lib/devices/openevse/charger-record.ts";
import {
  detectFirmware,
  describeFirmware,
  type Evidence,
  letsRapiThrough,
  parseVersion,
  readEnergy,
} from "../../../../lib/devices/openevse/firmware.ts";
import { createSnapshot, hear, type Snapshot } from "../../../../lib/devices/openevse/snapshot.ts";
import { chargerSchema } from "../../../../lib/model/records.ts";
import { fixture } from "./fixture.ts";

const evidence = (more: Partial<Evidence>): Evidence => ({
  version: null,
  keys: new Set(),
  isAnnounced: false,
  isWhole: true,
  isHttp: false,
  whMeaning: null,
  ...more,
});
const byKeys = (keys: string, more: Partial<Evidence> = {}) =>
  detectFirmware(evidence({ keys: new Set(keys.split(" ")), ...more }));

function heardFixture(name: string): Snapshot {
  const snapshot = createSnapshot();
  for (const [key, raw] of Object.entries(fixture(name))) hear(snapshot, key, raw, false, 0);
  return snapshot;
}
function recordOf(name: string) {
  const snapshot = heardFixture(name);
  const firmware = detectFirmware(evidence({ keys: snapshot.keys, isHttp: true }));
  const record = chargerRecord(snapshot, {
    device: "box",
    nowMs: 0,
    monotonicMs: 0,
    isOnline: true,
    firmware,
    limits: { minA: 6, maxA: 32 },
    phases: 1,
    flags: [],
    describe: (code) => code,
  });
  return { firmware, record: chargerSchema.parse(record) };
}

describe("openevse: the firmware", () => {
  it("reads version numbers as the devices write them", () => {
    assert.deepEqual(parseVersion("v5.1.2"), [5, 1, 2]);
    assert.deepEqual(parseVersion("2.9.1"), [2, 9, 1]);
    assert.deepEqual(parseVersion("4.1.7.mod"), [4, 1, 7]);
    assert.equal(parseVersion("master_1797b7a3"), null);
    assert.equal(parseVersion(null), null);
  });

  for (const [version, generation, meter, rapi] of [
    ["2.7.5", "2.7", "wh-session", "all"],
    ["2.7.6", "2.9", "wh-lifetime", "all"],
    ["2.9.1", "2.9", "wh-lifetime", "all"],
    ["4.0.0", "4.0", "wh-lifetime", "all"],
    ["4.1.2", "4.1", "controller", "all-but-timer"],
    ["4.1.7", "4.1", "controller", "all-but-timer"],
    ["v4.1.9", "4.2", "wifi-module", "all-but-timer"],
    ["v4.2.2", "4.2", "wifi-module", "all-but-timer"],
    ["v5.0.0", "5", "wifi-module", "reads"],
    ["v5.1.5", "5", "wifi-module", "reads-and-display"],
    ["v6.0.0", "5", "wifi-module", "reads-and-display"],
  ] as const) {
    it(`${version} counts with the ${meter}`, () => {
      const firmware = detectFirmware(evidence({ version }));
      assert.deepEqual([firmware.generation, firmware.meter, firmware.rapi], [generation, meter, rapi]);
    });
  }

  it("is told from what is said where no version is", () => {
    assert.equal(byKeys("amp voltage pilot wh temp1 state srssi divertmode").generation, "2.9");
    assert.equal(byKeys("amp pilot wh temp1 state", { isAnnounced: true }).generation, "4.0");
    assert.equal(byKeys("amp pilot wh state vehicle colour session_energy total_energy").generation, "4.1");
    assert.equal(byKeys("amp state vehicle session_energy total_energy uptime total_day").generation, "4.2");
    assert.equal(byKeys("amp state vehicle session_energy uptime max_current").generation, "5");
    assert.equal(byKeys("state limit").generation, "5");
  });

  it("is not guessed from half a burst", () => {
    assert.equal(byKeys("state vehicle amp session_energy", { isWhole: false }).generation, "unknown");
    assert.equal(byKeys("state vehicle amp", { isWhole: false }).meter, "unknown");
  });

  it("has claims over MQTT from 4.1.7 on, and limits from 5 on", () => {
    assert.equal(detectFirmware(evidence({ version: "4.1.2" })).hasClaims, false);
    assert.equal(detectFirmware(evidence({ version: "4.1.7", keys: new Set(["status"]) })).hasClaims, true);
    assert.equal(detectFirmware(evidence({ version: "4.1.2", isHttp: true })).hasClaims, true);
    assert.equal(detectFirmware(evidence({ version: "2.9.1", isHttp: true })).hasClaims, false);
    assert.equal(detectFirmware(evidence({ version: "4.2.2" })).hasLimits, false);
    assert.equal(detectFirmware(evidence({ version: "5.0.0" })).hasLimits, true);
  });

  it("lets raw commands through as each release does", () => {
    const through = (version: string, command: string) =>
      letsRapiThrough(detectFirmware(evidence({ version })), command);
    assert.deepEqual(
      ["$GS", "$FE", "$SC 10 V", "$ST 0 0 0 0"].map((command) => through("2.9.1", command)),
      [true, true, true, true],
    );
    assert.deepEqual(
      ["$GS", "$FE", "$ST 0 0 0 0"].map((command) => through("4.2.0", command)),
      [true, true, false],
    );
    assert.deepEqual(
      ["$GS", "$FE", "$F0 1", "$FB 2"].map((command) => through("5.1.2", command)),
      [true, false, false, false],
    );
    assert.deepEqual(
      ["$GS", "$FE", "$F0 1", "$FB 2"].map((command) => through("5.1.5", command)),
      [true, false, true, true],
    );
  });

  it("is shown short", () => {
    assert.equal(describeFirmware(detectFirmware(evidence({ version: "v5.1.2" }))), "5.1.2");
    assert.equal(describeFirmware(byKeys("wh srssi state")), "2.x");
  });
});

describe("openevse: the three meanings of wh", () => {
  const numbers = { wh: 1_585_443 };

  it("are not guessed: without a word from device or user the number is not used", () => {
    const firmware = byKeys("amp pilot wh temp1 state");
    assert.equal(firmware.meter, "unknown");
    assert.deepEqual([readEnergy(firmware, numbers).sessionWh, readEnergy(firmware, numbers).totalWh], [null, null]);
  });
  it("session watt-seconds, when the user says so", () => {
    const energy = readEnergy(byKeys("wh state", { whMeaning: "session-ws" }), numbers);
    assert.deepEqual(
      [energy.sessionWh, energy.totalWh, energy.counters?.sessionResets],
      [1_585_443 / 3600, null, "at-plug"],
    );
  });
  it("lifetime watt-hours, when the user or the signal strength of 2.9 says so", () => {
    for (const firmware of [byKeys("wh state", { whMeaning: "lifetime-wh" }), byKeys("wh state srssi")]) {
      const energy = readEnergy(firmware, numbers);
      assert.deepEqual([energy.sessionWh, energy.totalWh, energy.counters?.totalGrows], [null, 1_585_443, "at-unplug"]);
    }
  });
  it("nothing at all on newer firmware, whatever the user once said", () => {
    const energy = readEnergy(byKeys("session_energy total_day uptime", { whMeaning: "session-ws" }), {
      ...numbers,
      session_energy: 3841.2,
      total_energy: 1523.9,
    });
    assert.deepEqual([energy.sessionWh, energy.totalWh], [3841.2, 1_523_900]);
  });
  it("never from the counters of day and month, which go to 0 at midnight", () => {
    const newest = byKeys("session_energy total_day total_month uptime");
    for (const total_day of [17.5, 0]) {
      const energy = readEnergy(newest, { total_day, session_energy: 3841.2, total_energy: 1523.9 });
      assert.deepEqual([energy.sessionWh, energy.totalWh], [3841.2, 1_523_900]);
      const without = readEnergy(newest, { total_day });
      assert.deepEqual([without.sessionWh, without.totalWh], [null, null]);
    }
  });
  it("the device's own word goes before the user's", () => {
    assert.equal(byKeys("wh state vehicle session_energy", { whMeaning: "session-ws" }).meter, "controller");
    assert.equal(byKeys("wh state", { isAnnounced: true, whMeaning: "session-ws" }).meter, "wh-lifetime");
    assert.equal(byKeys("wh state srssi", { whMeaning: "session-ws" }).meter, "wh-lifetime");
  });
});

describe("openevse: recorded devices", () => {
  it("2.9.1: session and lifetime of the controller", () => {
    const { firmware, record } = recordOf("status-fw2.9.1");
    assert.deepEqual([firmware.generation, firmware.meter], ["2.9", "controller"]);
    assert.deepEqual(
      [record.state, record.plugged, record.setpointA, record.currentA, record.powerW, record.temperatureC],
      ["unplugged", false, 25, 0, 0, 34],
    );
    assert.deepEqual([record.sessionWh, record.totalWh, record.sessionS], [7003.411, 1_585_443, 8751]);
    assert.deepEqual(record.counters, { sessionResets: "at-plug", totalGrows: "at-unplug" });
  });

  it("early 4.1: no flags, the module's own vehicle", () => {
    const { record } = recordOf("status-fw4.1-early");
    assert.deepEqual([record.state, record.plugged, record.totalWh, record.sessionS], ["paused", true, 64_582, 246]);
    assert.ok(Math.abs((record.sessionWh ?? 0) - 992_549 / 3600) < 0.001);
  });

  it("4.1 with the controller's meter: the session still shows after unplugging", () => {
    const { firmware, record } = recordOf("status-fw4.1-controller-meter");
    assert.deepEqual([firmware.generation, firmware.meter], ["4.1", "controller"]);
    assert.deepEqual([record.state, record.plugged], ["unplugged", false]);
    assert.deepEqual([record.sessionWh, record.totalWh, record.temperatureC], [7950.783, 7_875_444, 52.9]);
    assert.deepEqual(record.flags, ["session-ended"]);
  });

  it("5.1.2: the module's meter, its clock and its uptime", () => {
    const { firmware, record } = recordOf("status-fw5.1.2");
    assert.deepEqual([firmware.generation, firmware.meter], ["5", "wifi-module"]);
    assert.deepEqual([record.sessionWh, record.totalWh, record.uptimeS], [0, 20_127_228.17, 1_208_725]);
    assert.equal(record.deviceAt, "2024-11-14T20:53:35.000Z");
    assert.equal(record.setpointA, 0, "asleep it offers nothing");
    assert.equal(record.powerW, 0, "no current, no power");
    assert.deepEqual(record.counters, { sessionResets: "at-unplug", totalGrows: "continuously" });
  });
});
