import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { openEvseGenerations } from "../../../../simulators/openevse.ts";
import { type Rig, type RigOptions, startRig } from "./rig.ts";

const rigs: Rig[] = [];
/** A car is plugged in and charges with 32 A. */
async function charging(options: RigOptions = {}): Promise<Rig> {
  const rig = await startRig({ ...options, simulator: { plugged: true, ...options.simulator } });
  rigs.push(rig);
  await rig.pass(31);
  await rig.until("charging", () => rig.records.length > 0 && rig.last().state === "charging");
  rig.heard();
  return rig;
}
const sets = (rig: Rig): string[] => rig.heard().filter((command) => !command.startsWith("rapi/in/$G"));
/** An override as its web page would set it. */
const byHand = (rig: Rig, properties: object): Promise<unknown> =>
  fetch(`${rig.simulator.url}/override`, { method: "POST", body: JSON.stringify(properties) });

describe("openevse: commands", function () {
  this.timeout(30_000);
  afterEach(async () => {
    for (const rig of rigs.splice(0)) await rig.stop();
  });

  for (const over of ["mqtt", "http"] as const) {
    for (const generation of openEvseGenerations) {
      it(`${generation} over ${over}: a current, a pause, a charge and a release are done when they are said to be`, async () => {
        const rig = await charging({ over, simulator: { generation } });
        assert.equal((await rig.order(10)).code, "done");
        assert.equal(rig.simulator.pilotA, 10);
        assert.equal((await rig.order("pause")).code, "done");
        assert.notEqual(rig.simulator.state, 3);
        assert.equal((await rig.order("charge")).code, "done");
        await rig.until("charging", () => rig.simulator.state === 3);
        assert.equal(rig.simulator.pilotA, 32);
        assert.equal((await rig.order("release")).code, "done");
        assert.equal((await rig.order({ command: "divert", mode: "eco" })).code, "done");
        const raw = await rig.order({ command: "rapi", text: "$GS" });
        assert.deepEqual([raw.code, (raw.answer as { text: string }).text], ["done", "$GS"]);
        assert.equal((await rig.order("refresh")).code, "done");
      });
    }
  }

  it("a program claims, a person overrides", async () => {
    const rig = await charging();
    await rig.order({ command: "current", currentA: 8, validForS: 600 });
    await rig.order({ command: "current", currentA: 9, source: "plan" });
    await rig.order(10);
    assert.deepEqual(sets(rig), [
      'claim/set {"state":"active","charge_current":8,"max_current":"clear","auto_release":false}',
      'claim/set {"state":"active","charge_current":9,"max_current":"clear","auto_release":false}',
      'override/set {"state":"active","charge_current":10,"max_current":"clear","auto_release":true}',
    ]);
    assert.equal(rig.simulator.pilotA, 10);
  });

  it("uses always the one or the other when told so", async () => {
    for (const channel of ["override", "claim"] as const) {
      const rig = await charging({ settings: { channel } });
      await rig.order(8);
      await rig.order({ command: "pause", validForS: 60 });
      assert.deepEqual(
        sets(rig).map((command) => command.split("/")[0]),
        [channel, channel],
      );
    }
  });

  it("never writes a current into the memory of an old controller", async () => {
    const rig = await charging({ simulator: { generation: "2.9.1" } });
    for (const payload of [7, 12, "pause", { command: "charge", currentA: 16 }]) await rig.order(payload);
    assert.deepEqual(sets(rig), [
      "rapi/in/$SC 7 V",
      "rapi/in/$SC 12 V",
      "rapi/in/$FS",
      "rapi/in/$SC 16 V",
      "rapi/in/$FE",
    ]);
  });

  it("asks for no more than the limits, for whole amps, and takes less than the smallest current for a pause", async () => {
    const rig = await charging({ settings: { maxA: 20 } });
    await rig.order(31);
    assert.equal(rig.simulator.pilotA, 20);
    await rig.order(12.9);
    assert.equal(rig.simulator.pilotA, 12);
    await rig.order(5.9);
    assert.notEqual(rig.simulator.state, 3);
    await rig.order({ command: "power", powerW: 2500 });
    assert.equal(rig.simulator.pilotA, 10);
    assert.equal((await rig.order(-6)).code, "unsupported");
    assert.equal((await rig.order({ command: "discharge" })).code, "unsupported");
  });

  it("respects the charger's own installation limit without being refused", async () => {
    const rig = await charging({ simulator: { maxCurrentA: 16 } });
    assert.equal((await rig.order({ command: "charge", currentA: 32 })).code, "done");
    assert.equal(rig.simulator.pilotA, 16);
    assert.equal(rig.last().limits?.maxA, 16);
  });

  it("renews what is in force without writing it again", async () => {
    const rig = await charging();
    const lent = { command: "current", currentA: 8, validForS: 180 };
    await rig.order(lent);
    assert.equal(sets(rig).length, 1);
    for (let minute = 0; minute < 5; minute++) {
      await rig.pass(60);
      assert.equal((await rig.order(lent)).code, "done");
    }
    assert.deepEqual(sets(rig), []);
    assert.equal(rig.simulator.state, 3);
  });

  for (const generation of ["2.9.1", "5.1.5"] as const) {
    it(`${generation}: stops what was lent and not renewed, also when the broker was away at that moment`, async () => {
      const rig = await charging({ simulator: { generation } });
      assert.equal((await rig.order({ command: "current", currentA: 8, validForS: 60 })).code, "done");
      await rig.pass(55);
      assert.equal(rig.simulator.state, 3);
      await rig.broker.stop();
      await rig.pass(30);
      assert.equal(rig.simulator.state, 3, "nobody could tell it");
      await rig.broker.start();
      await rig.until("stopped", () => rig.simulator.state !== 3, 90);
    });
  }

  it("ends a charge at its end", async () => {
    const rig = await charging();
    const expiresAt = new Date(rig.clock.nowMs() + 100_000).toISOString();
    await rig.order({ command: "charge", currentA: 10, expiresAt });
    await rig.pass(80);
    assert.equal(rig.simulator.state, 3);
    await rig.until("stopped", () => rig.simulator.state !== 3, 40);
  });

  it("is not led astray by a clock that is set while something is lent", async () => {
    const rig = await charging();
    await rig.order({ command: "current", currentA: 8, validForS: 120 });
    rig.clock.setWallClock(0);
    await rig.pass(100);
    assert.equal(rig.simulator.state, 3);
    await rig.until("stopped", () => rig.simulator.state !== 3, 40);
  });

  it("ends a charge when the car is full enough, and does not begin one that nobody can end", async () => {
    const rig = await charging();
    const blind = await rig.order({ command: "charge", untilSocPercent: 80 });
    assert.deepEqual([blind.code, /state of charge/.test(blind.message)], ["unsupported", true]);
    assert.deepEqual(sets(rig), []);
  });

  it("ends a charge at the state of charge that was asked for", async () => {
    const config = { vehicle_data_src: 2, mqtt_vehicle_soc: "car/soc" };
    const rig = await charging({ simulator: { config } });
    assert.equal((await rig.order({ command: "feed", socPercent: 78 })).code, "done");
    assert.equal((await rig.order({ command: "charge", untilSocPercent: 80 })).code, "done");
    await rig.order({ command: "feed", socPercent: 79 });
    await rig.pass(20);
    assert.equal(rig.simulator.state, 3);
    await rig.order({ command: "feed", socPercent: 80 });
    await rig.until("stopped", () => rig.simulator.state !== 3, 20);
    assert.equal((await rig.order({ command: "charge", untilSocPercent: 80 })).code, "done");
    await rig.pass(5);
    assert.notEqual(rig.simulator.state, 3, "it is full enough already");
  });

  it("forgets an override with the car that it was for, and writes it again for the next one", async () => {
    const rig = await charging();
    await rig.order({ command: "current", currentA: 10, validForS: 86_400, source: "user" });
    await rig.order(10);
    rig.simulator.unplug();
    await rig.until("unplugged", () => rig.last().plugged === false);
    rig.simulator.plug();
    await rig.pass(20);
    sets(rig);
    assert.equal((await rig.order(10)).code, "done");
    assert.equal(sets(rig).length, 1);
    assert.equal(rig.simulator.pilotA, 10);
  });

  it("writes a claim again that the charger lost with its power", async () => {
    const rig = await charging();
    const lent = { command: "current", currentA: 8, validForS: 600 };
    await rig.order(lent);
    rig.simulator.reboot(10_000);
    await rig.until("gone", () => !rig.last().online);
    await rig.until("back", () => rig.last().online && rig.last().state === "charging", 90);
    await rig.pass(31);
    assert.equal((await rig.order(lent)).code, "done");
    assert.equal(rig.simulator.pilotA, 8);
  });

  it("gives back with release also what somebody else has left on the charger", async () => {
    const rig = await charging();
    await byHand(rig, { state: "disabled" });
    await rig.until("paused", () => rig.last().state === "paused");
    assert.equal((await rig.order("release")).code, "done");
    await rig.until("charging", () => rig.simulator.state === 3);
    assert.equal((await rig.order("release")).code, "done", "there is nothing left");
    assert.deepEqual(sets(rig), ["override/set clear"]);
  });

  it("does not obey what was overtaken, and a stop overtakes everything", async () => {
    const rig = await charging();
    const outcomes = Promise.all([rig.order(8), rig.order(9), rig.order("pause")]);
    const codes = (await outcomes).map(({ code }) => code);
    assert.deepEqual(codes, ["stale", "stale", "done"]);
    await rig.pass(20);
    assert.notEqual(rig.simulator.state, 3);
    assert.ok(sets(rig).at(-1)?.includes('"disabled"'));
  });

  it("names a person who is stronger than a program", async () => {
    const rig = await charging();
    await byHand(rig, { state: "active", charge_current: 20 });
    await rig.pass(3);
    const { code, message } = await rig.order({ command: "current", currentA: 8, validForS: 60 });
    assert.equal(code, "refused");
    assert.match(message, /charges with up to 20 A: held by a manual override \(priority 1000\)/);
  });

  it("does not call a car that rests by itself paused while somebody else lets it charge", async () => {
    const rig = await charging();
    rig.simulator.setCarRefusing(true);
    await byHand(rig, { state: "active" });
    await rig.until("resting", () => rig.last().state === "plugged");
    assert.equal((await rig.order({ command: "pause", source: "plan" })).code, "refused");
  });

  it("asks over HTTP who it is", async () => {
    const rig = await charging({ over: "http" });
    await byHand(rig, { state: "disabled" });
    await rig.pass(6);
    const { code, message } = await rig.order({ command: "current", currentA: 8, validForS: 60 });
    assert.equal(code, "refused");
    assert.match(message, /held by a manual override \(priority 1000\)/);
  });

  it("names the session limit when it has stopped the charge", async () => {
    const rig = await charging();
    assert.equal((await rig.order({ command: "limit", energyWh: 500 })).code, "done");
    await rig.until("the limit is reached", () => rig.simulator.state === 254, 600);
    await rig.pass(3);
    const { code, message } = await rig.order("charge");
    assert.equal(code, "refused");
    assert.match(message, /priority/);
  });

  it("says so when nobody hears, and does not take that for done", async () => {
    const rig = await charging();
    rig.simulator.setFault("mqtt-silent");
    for (const payload of [
      8,
      "pause",
      { command: "limit", energyWh: 900 },
      { command: "divert", mode: "eco" },
      { command: "shaper", enabled: true },
    ]) {
      const { code, message } = await rig.order(payload);
      assert.equal(code, "timeout", JSON.stringify(payload));
      assert.match(message, /may not have heard/);
    }
  });

  it("does not keep a command for a charger that is away", async () => {
    const rig = await charging();
    rig.simulator.setFault("offline");
    await rig.until("gone", () => !rig.last().online);
    assert.equal((await rig.order("pause")).code, "unreachable");
    rig.simulator.setFault(null);
    await rig.until("back", () => rig.last().online && rig.last().state === "charging", 60);
    await rig.pass(20);
    assert.equal(rig.simulator.state, 3);
    assert.deepEqual(sets(rig), []);
  });

  it("puts a ceiling on everybody with limit, and takes it away again", async () => {
    const rig = await charging();
    assert.equal((await rig.order({ command: "limit", maxA: 13 })).code, "done");
    assert.equal(rig.simulator.pilotA, 13);
    assert.equal((await rig.order({ command: "charge", currentA: 20 })).code, "done");
    assert.equal(rig.simulator.pilotA, 13);
    assert.equal(rig.last().limits?.maxA, 13);
    assert.equal((await rig.order({ command: "limit", maxA: null })).code, "done");
    await rig.order({ command: "charge", currentA: 20 });
    assert.equal(rig.simulator.pilotA, 20);
    assert.equal((await rig.order({ command: "limit", maxA: 3 })).code, "out-of-range");
  });

  it("takes only the state out of a claim without losing the ceiling", async () => {
    const rig = await charging();
    await rig.order({ command: "current", currentA: 8, source: "plan" });
    await rig.order({ command: "limit", maxA: 13 });
    assert.equal(rig.simulator.pilotA, 8);
    await rig.order({ command: "current", currentA: 16, source: "plan" });
    assert.equal(rig.simulator.pilotA, 13);
  });

  it("knows one session limit at a time: energy, time or state of charge", async () => {
    const rig = await charging();
    for (const [command, expected] of [
      [
        { command: "limit", energyWh: 12_000 },
        { type: "energy", value: 12_000 },
      ],
      [
        { command: "limit", chargingMin: 90 },
        { type: "time", value: 90 },
      ],
      [
        { command: "limit", socPercent: 80 },
        { type: "soc", value: 80 },
      ],
    ] as const) {
      assert.equal((await rig.order(command)).code, "done");
      const published = rig.simulator.publications.findLast(
        ({ topic, text }) => topic.endsWith("/limit") && text.startsWith("{"),
      );
      const { type, value } = JSON.parse(published?.text ?? "null") as { type: string; value: number };
      assert.deepEqual({ type, value }, expected);
    }
    assert.equal((await rig.order({ command: "limit", energyWh: 1000, chargingMin: 10 })).code, "unsupported");
    sets(rig);
    assert.equal((await rig.order({ command: "limit", energyWh: null })).code, "done");
    assert.deepEqual(sets(rig), [], "there is no limit of energy to take away");
    assert.equal((await rig.order({ command: "limit", socPercent: null })).code, "done");
    assert.deepEqual(sets(rig), ["limit/set clear"]);
  });

  it("reads, sets and clears the timer, and answers with what the charger holds", async () => {
    for (const over of ["mqtt", "http"] as const) {
      const rig = await charging({ over });
      const event = { id: 4, state: "active", time: "23:30", days: ["monday", "friday"] };
      const set = await rig.order({ command: "schedule", set: [event, { ...event, id: 5, state: "disabled" }] });
      const ids = ({ answer }: typeof set): number[] =>
        (answer as { events: { id: number }[] }).events.map(({ id }) => id);
      assert.deepEqual([set.code, ids(set).sort((a, b) => a - b)], ["done", [4, 5]]);
      const cleared = await rig.order({ command: "schedule", clear: [4] });
      assert.deepEqual([cleared.code, ids(cleared)], ["done", [5]]);
      assert.deepEqual(ids(await rig.order({ command: "schedule" })), [5]);
    }
  });

  it("feeds measurements to the topics that the charger names, as whole numbers", async () => {
    const config = { divert_enabled: true, divert_type: 1, mqtt_grid_ie: "house/grid", mqtt_vrms: "" };
    const rig = await charging({ simulator: { config } });
    assert.equal((await rig.order({ command: "feed", gridW: -1234.6 })).code, "done");
    assert.equal(rig.reports.at(-1)?.raw["grid_ie"] ?? -1235, -1235);
    const { code, message } = await rig.order({ command: "feed", voltageV: 230 });
    assert.deepEqual([code, /no topic for voltageV/.test(message)], ["unsupported", true]);
    assert.equal((await rig.order({ command: "feed" })).code, "bad-command");
  });

  it("feeds over HTTP", async () => {
    const rig = await charging({ over: "http", simulator: { config: { divert_enabled: true, divert_type: 1 } } });
    assert.equal((await rig.order({ command: "feed", gridW: -800 })).code, "done");
  });

  it("says when a measurement is not taken", async () => {
    const rig = await charging({ simulator: { config: { divert_enabled: false, mqtt_grid_ie: "house/grid" } } });
    const { code, message } = await rig.order({ command: "feed", gridW: 500 });
    assert.deepEqual([code, /does not echo grid_ie/.test(message)], ["timeout", true]);
  });

  it("switches load balancing on and off", async () => {
    const rig = await charging();
    assert.equal((await rig.order({ command: "shaper", enabled: true })).code, "done");
    assert.equal((await rig.order({ command: "shaper", enabled: false })).code, "done");
  });

  it("restarts the module and waits until it is back", async () => {
    for (const over of ["mqtt", "http"] as const) {
      const rig = await charging({ over });
      const { code } = await rig.order({ command: "restart" });
      assert.equal(code, "done", over);
      await rig.until("reading again", () => rig.last().online && (rig.last().uptimeS ?? 1e9) < 120, 90);
    }
  });

  it("restarts the controller of an old module", async () => {
    const rig = await charging({ simulator: { generation: "2.9.1" } });
    assert.equal((await rig.order({ command: "restart" })).code, "done");
    assert.ok(rig.heard().includes("rapi/in/$FR"));
    await rig.until("charging again", () => rig.last().state === "charging", 90);
  });

  it("refuses raw commands that the firmware would drop, and reports what the controller refuses", async () => {
    const rig = await charging();
    assert.equal((await rig.order({ command: "rapi", text: "$FS" })).code, "unsupported");
    assert.deepEqual(rig.heard(), []);
    const old = await charging({ simulator: { generation: "2.9.1" } });
    assert.equal((await old.order({ command: "rapi", text: "$GX" })).code, "refused");
  });

  it("refuses what an OpenEVSE or its firmware cannot do", async () => {
    const rig = await charging({ simulator: { generation: "4.2.1" } });
    for (const payload of [
      { command: "limit", energyWh: 100 },
      { command: "limit", maxDischargeA: 5 },
      { command: "ocpp", enabled: true },
      "solar",
    ]) {
      assert.equal((await rig.order(payload)).code, "unsupported", JSON.stringify(payload));
    }
    assert.deepEqual(sets(rig), []);
  });

  it("calls a fault of the charger a fault", async () => {
    const rig = await charging();
    rig.simulator.setFault("stuck-relay");
    await rig.until("the fault", () => rig.last().state === "fault");
    assert.equal((await rig.order(10)).code, "device-fault");
  });

  it("gives back what it took, and only that, when it leaves", async () => {
    const lent = { command: "current", currentA: 8, validForS: 600 };
    for (const [onExit, orders, expected] of [
      ["release", [lent], ["claim/set release"]],
      ["release", [10], []],
      ["release", [], []],
      ["keep", [lent, 10], []],
      [
        "pause",
        [lent],
        ['claim/set {"state":"disabled","charge_current":"clear","max_current":"clear","auto_release":false}'],
      ],
    ] as const) {
      const rig = await charging({ settings: { onExit } });
      for (const payload of orders) await rig.order(payload);
      sets(rig);
      await rig.device.close();
      await rig.pass(1);
      assert.deepEqual(sets(rig), expected, `${onExit} after ${JSON.stringify(orders)}`);
    }
  });

  it("gives its claim back over HTTP too", async () => {
    const rig = await charging({ over: "http" });
    await rig.order({ command: "current", currentA: 8, validForS: 600 });
    assert.equal(rig.simulator.pilotA, 8);
    const closing = rig.device.close();
    await rig.pass(3);
    await closing;
    assert.deepEqual(
      rig.simulator.requests.filter(({ method }) => method === "DELETE").map(({ path }) => path),
      ["/claims/20"],
    );
    assert.equal(rig.simulator.pilotA, 32);
  });

  it("stops an old module that was charging on loan when it leaves", async () => {
    const rig = await charging({ simulator: { generation: "2.9.1" } });
    await rig.order({ command: "current", currentA: 8, validForS: 600 });
    sets(rig);
    const closing = rig.device.close();
    await rig.pass(3);
    await closing;
    assert.deepEqual(sets(rig), ["rapi/in/$FS"]);
  });

  it("never publishes anything retained", async () => {
    const { connectAsync } = await import("mqtt");
    const rig = await charging();
    await rig.order(10);
    await rig.order({ command: "limit", energyWh: 4000 });
    await rig.order({ command: "rapi", text: "$GS" });
    const late = await connectAsync(rig.broker.url, { reconnectPeriod: 0 });
    const kept: string[] = [];
    late.on("message", (topic, _payload, { retain }) => {
      if (retain && /\/(set|clear|restart)$|\/rapi\/in\//.test(topic)) kept.push(topic);
    });
    await late.subscribeAsync("#");
    await rig.pass(2);
    await late.endAsync();
    assert.deepEqual(kept, []);
  });
});
