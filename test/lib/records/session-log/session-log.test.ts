import assert from "node:assert/strict";
import { EvError } from "../../../../lib/model/errors.ts";
import { isoAt } from "../../../../lib/model/units.ts";
import { createRig, defaultsOf, type Rig, START_MS } from "./rig.ts";

const near = (actual: number | null | undefined, expected: number, tolerance = 0.01): void => {
  assert.ok(typeof actual === "number" && Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
};

describe("the session log", () => {
  let rig: Rig;
  afterEach(async () => rig.close());

  it("tells and stores a session when it opens, while it grows and when it is over", async () => {
    rig = await createRig();
    await rig.plug();
    assert.deepEqual(rig.events(), ["opened"]);
    assert.equal(rig.row().status, "open");
    await rig.charge(1800, 7200);
    await rig.unplug();
    const row = rig.row();
    assert.equal(row.status, "closed");
    near(row.energyWh, 3600);
    near(row.cost, 1.08);
    near(row.chargingS, 1800, 3);
    assert.equal(row.endReason, "unplugged");
    assert.equal(row.zone, "Europe/Berlin");
    assert.match(row.pluggedAt, /^2026-11-21T19:00:0\d\.000\+01:00$/);
    assert.equal(rig.events().at(0), "opened");
    assert.equal(rig.events().at(-1), "closed");
    assert.equal(rig.heard.at(-1)?.session.revision, row.revision);
    assert.ok(rig.heard.filter(({ event }) => event === "updated").length >= 29, "about one a minute");
    assert.ok(rig.heard.filter(({ event }) => event === "updated").length <= 35, "about one a minute");
  });

  it("averages the charging power over the time of charging, whatever went out of the car besides", async () => {
    rig = await createRig();
    await rig.plug();
    await rig.charge(1800, 7200);
    near(rig.row().averagePowerW, 7200, 20);
    rig.set("evse", { state: "discharging", powerW: -7200 });
    await rig.run(3600);
    await rig.unplug();
    near(rig.row().dischargedWh, 7200, 20);
    near(rig.row().averagePowerW, 7200, 20);
  });

  it("knows no charging power of a session that only discharged", async () => {
    rig = await createRig();
    await rig.plug();
    rig.set("evse", { state: "discharging", powerW: -7200 });
    await rig.run(600);
    await rig.unplug();
    assert.equal(rig.row().averagePowerW, null);
  });

  it("stores no more while a plugged-in car rests", async () => {
    rig = await createRig();
    await rig.plug();
    await rig.charge(60, 7200);
    const { commits } = rig.store;
    const revisions = rig.store.revisions.length;
    await rig.run(600);
    assert.ok(rig.store.commits - commits <= 2, `${rig.store.commits - commits} commits`);
    assert.ok(rig.store.revisions.length - revisions <= 1);
  });

  it("writes at most about once a second, however often the charger speaks", async () => {
    rig = await createRig();
    await rig.plug();
    rig.set("evse", { state: "charging", powerW: 7200 });
    await rig.run(5, 7200);
    const { commits } = rig.store;
    let totalWh = 100_010;
    for (let turn = 0; turn < 1000; turn++) {
      totalWh += 0.02;
      rig.say({
        kind: "charger",
        device: "evse",
        at: "2026-11-21T18:00:00Z",
        online: true,
        plugged: true,
        state: "charging",
        totalWh,
      });
      await rig.clock.advanceAsync(10);
    }
    const made = rig.store.commits - commits;
    assert.ok(made >= 9 && made <= 12, `${made} commits in 10 s`);
  });

  it("forgets plugging in without charging, or keeps it when told to", async () => {
    rig = await createRig();
    await rig.plug();
    await rig.unplug();
    assert.deepEqual(rig.events(), ["opened", "empty"]);
    assert.deepEqual(rig.rows(), []);
    await rig.close();
    rig = await createRig({ keepsEmpty: true });
    await rig.plug();
    await rig.unplug();
    assert.deepEqual(rig.events(), ["opened", "closed"]);
    assert.equal(rig.row().energyWh, 0);
  });

  it("keeps the sessions of two chargers apart", async () => {
    rig = await createRig();
    await rig.plug("left");
    await rig.plug("right");
    rig.set("left", { state: "charging", powerW: 3600 });
    await rig.run(1000, 3600);
    rig.set("left", { state: "plugged", powerW: 0 });
    await rig.unplug("right");
    await rig.unplug("left");
    assert.deepEqual(
      rig.rows().map(({ device, energyWh }) => [device, Math.round(energyWh)]),
      [["left", 1000]],
    );
  });

  describe("a kill", () => {
    it("loses at most one reading and makes no second row", async () => {
      rig = await createRig();
      await rig.plug();
      rig.set("evse", { state: "charging", powerW: 7200 });
      for (let round = 0; round < 10; round++) {
        await rig.run(97, 7200);
        await rig.kill();
      }
      await rig.charge(100, 7200);
      await rig.unplug();
      const row = rig.row();
      assert.equal(row.status, "closed");
      near(row.energyWh, (10 * 97 + 100) * 2, 3);
      near(
        row.tariffSlots.reduce((sum, { energyWh }) => sum + energyWh, 0),
        row.energyWh,
        1e-6,
      );
    });

    it("closes a session from the last reading when the car left meanwhile", async () => {
      rig = await createRig();
      await rig.plug();
      await rig.charge(600, 7200);
      rig.set("evse", { plugged: false, state: "unplugged" });
      await rig.kill(120);
      await rig.unplug();
      const row = rig.row();
      assert.equal(row.status, "closed");
      near(row.energyWh, 1200, 3);
      assert.ok(row.flags.includes("recovered"), row.flags.join());
    });

    it("knows that there was no car before it", async () => {
      rig = await createRig();
      rig.set("evse", { plugged: false });
      await rig.run(10);
      await rig.kill();
      await rig.plug();
      assert.ok(!rig.row().flags.includes("partial-start"), rig.row().flags.join());
    });

    it("adds no revision when nothing has happened since", async () => {
      rig = await createRig();
      await rig.plug();
      await rig.charge(300, 7200);
      await rig.run(130);
      const before = rig.store.revisions.length;
      for (let round = 0; round < 3; round++) {
        await rig.kill(1);
        await rig.run(70);
      }
      assert.equal(rig.store.revisions.length, before);
    });

    it("tells again what it may not have told", async () => {
      rig = await createRig();
      await rig.plug();
      const state = JSON.parse(rig.store.kept.get("session-log:log:state:evse") ?? "") as { entries: [] };
      const sessionId = rig.row().sessionId;
      await rig.kill();
      rig.store.kept.set(
        "session-log:log:state:evse",
        JSON.stringify({ ...state, announcing: [{ type: "opened", sessionId }] }),
      );
      rig.heard.length = 0;
      await rig.kill();
      assert.deepEqual(rig.events(), ["opened"]);
      await rig.run(3);
      rig.heard.length = 0;
      await rig.kill();
      assert.deepEqual(rig.events(), []);
    });

    it("goes on with a new session when what was kept is rubbish, and closes the old one", async () => {
      rig = await createRig();
      await rig.plug();
      await rig.charge(300, 7200);
      const name = "session-log:log:state:evse";
      const state = JSON.parse(rig.store.kept.get(name) ?? "") as object;
      await rig.kill();
      rig.store.kept.set(name, JSON.stringify({ ...state, detector: { version: 999 } }));
      await rig.kill();
      await rig.run(2);
      const row = rig.row();
      assert.equal(row.status, "closed");
      assert.deepEqual([...row.flags].sort(), ["end-uncertain", "recovered"]);
      near(row.energyWh, 600, 3);
      rig.store.kept.set(name, "{{{ no JSON");
      await rig.kill();
      assert.match(rig.lines.join(), /cannot be read/);
    });

    it("starts all the same when what was kept is broken inside, and goes on with the other charger", async () => {
      rig = await createRig();
      await rig.plug("evse");
      await rig.plug("other");
      await rig.charge(120, 7200, "other");
      const name = "session-log:log:state:evse";
      const state = JSON.parse(rig.store.kept.get(name) ?? "") as object;
      rig.store.kept.set(name, JSON.stringify({ ...state, entries: [null] }));
      await rig.kill();
      assert.match(rig.lines.join(), /cannot be read/);
      await rig.charge(120, 7200, "other");
      await rig.unplug("other");
      await rig.run(60);
      const other = rig.rows().filter(({ device }) => device === "other");
      assert.deepEqual(
        other.map(({ status }) => status),
        ["closed"],
      );
      near(other[0]?.energyWh ?? 0, 480, 3);
    });

    it("does not take kept prices for money of another currency", async () => {
      rig = await createRig();
      const slot = { start: isoAt(START_MS - 60_000), end: isoAt(START_MS + 86_400_000), importPerKwh: 5 };
      rig.say({ kind: "prices", tariff: "spot", currency: "EUR", zone: "Europe/Berlin", slots: [slot] });
      await rig.run(120);
      assert.match(rig.store.kept.get("session-log:log:prices") ?? "", /"EUR"/);
      await rig.redeploy({
        money: { currency: "SEK", fixedPricePerKwh: 2, referencePricePerKwh: null, feedInPerKwh: null },
      });
      await rig.plug();
      await rig.charge(300, 7200);
      await rig.unplug();
      await rig.run(60);
      const { currency, pricePerKwh } = rig.row();
      assert.deepEqual([currency, pricePerKwh], ["SEK", 2]);
    });
  });

  it("tells after the next start what nobody heard while it was closing", async () => {
    rig = await createRig();
    await rig.plug();
    await rig.charge(60, 7200);
    rig.deafen(true);
    await rig.unplug();
    await rig.run(10);
    rig.deafen(false);
    rig.heard.length = 0;
    await rig.redeploy();
    await rig.run(2);
    assert.deepEqual(rig.events(), ["closed"]);
    rig.heard.length = 0;
    await rig.redeploy();
    assert.deepEqual(rig.events(), []);
  });

  it("tells it after a later start when the store could not be asked at the first one", async () => {
    rig = await createRig();
    await rig.plug();
    await rig.charge(60, 7200);
    rig.deafen(true);
    await rig.unplug();
    await rig.run(10);
    rig.deafen(false);
    rig.heard.length = 0;
    const { findSession } = rig.store;
    rig.store.findSession = () => Promise.reject(new Error("the server is away"));
    await rig.redeploy();
    await rig.run(2);
    assert.deepEqual(rig.events(), []);
    rig.store.findSession = findSession;
    await rig.redeploy();
    await rig.run(2);
    assert.deepEqual(rig.events(), ["closed"]);
    rig.heard.length = 0;
    await rig.redeploy();
    assert.deepEqual(rig.events(), []);
  });

  it("makes one row of a session with twenty deploys in it", async () => {
    rig = await createRig();
    await rig.plug();
    rig.set("evse", { state: "charging", powerW: 7200 });
    for (let round = 0; round < 20; round++) {
      await rig.run(30, 7200);
      await rig.redeploy();
    }
    await rig.charge(30, 7200);
    await rig.unplug();
    near(rig.row().energyWh, 630 * 2, 3);
    assert.deepEqual(
      rig.events().filter((event) => event !== "updated"),
      ["opened", "closed"],
    );
  });

  describe("a store that refuses", () => {
    it("makes sessions wait in memory, says so once, and gets each of them once", async () => {
      rig = await createRig();
      rig.store.refuse("io");
      await rig.plug();
      await rig.charge(900, 7200);
      await rig.unplug();
      await rig.plug();
      await rig.charge(300, 7200);
      await rig.unplug();
      assert.deepEqual(rig.heard, []);
      assert.deepEqual(rig.rows(), []);
      assert.ok((rig.overview().waiting ?? 0) >= 4);
      assert.equal(rig.lines.length, 1, rig.lines.join("\n"));
      rig.store.refuse(null);
      await rig.run(70);
      assert.deepEqual(
        rig.rows().map(({ status, energyWh }) => [status, Math.round(energyWh)]),
        [
          ["closed", 1800],
          ["closed", 600],
        ],
      );
      assert.deepEqual(
        rig.events().filter((event) => event !== "updated"),
        ["opened", "closed", "opened", "closed"],
      );
      assert.equal(rig.lines.length, 2, rig.lines.join("\n"));
      assert.equal(rig.overview().waiting, null);
    });

    it("keeps memory bounded through a year of refusing", async () => {
      rig = await createRig({ updateIntervalS: 1 });
      rig.store.refuse("io");
      await rig.plug();
      await rig.charge(3000, 7200);
      // opened, the latest update, the end of a segment
      assert.ok((rig.overview().waiting ?? 0) <= 4, String(rig.overview().waiting));
    });

    it("gives up one impossible version after a while, and keeps the others", async () => {
      rig = await createRig();
      rig.store.refuseWhere(({ device, status }) => device === "bad" && status === "open");
      await rig.plug("bad", { rfid: "SECRET42" });
      await rig.plug("good");
      await rig.charge(300, 7200, "good");
      await rig.run(120);
      await rig.unplug("good");
      assert.equal(rig.rows().filter(({ device }) => device === "good").length, 1);
      assert.ok(rig.lines.some((line) => line.includes("given up") && line.includes('"bad"')));
      assert.ok(!rig.lines.join().includes("SECRET42"));
    });

    it("shows what waits for a server although nothing is refused", async () => {
      rig = await createRig();
      rig.store.setHealth({ state: "waiting", waiting: 7, code: "unreachable", text: "no server" });
      assert.equal(rig.overview().waiting, 7);
      rig.store.setHealth({ state: "ok", waiting: 0 });
      assert.equal(rig.overview().waiting, null);
    });

    it("never makes a reading wait while a commit hangs", async () => {
      rig = await createRig();
      const release = rig.store.hold();
      await rig.plug();
      await rig.charge(300, 7200);
      assert.deepEqual(rig.heard, []);
      near(rig.overview().open[0]?.energyWh, 600, 3);
      release();
      await rig.run(2);
      assert.equal(rig.events()[0], "opened");
      near(rig.row().energyWh, 600, 3);
    });
  });

  describe("what people say", () => {
    it("takes an annotation for the running session, as an edit", async () => {
      rig = await createRig();
      await rig.plug();
      rig.say({ command: "annotate", vehicle: "Zoe", odometerKm: 42_000, purpose: "business", note: "to Kiel" });
      await rig.run(1);
      const row = rig.row();
      assert.deepEqual(
        [row.vehicle, row.odometerKm, row.purpose, row.businessRatio, row.note],
        ["Zoe", 42_000, "business", 1, "to Kiel"],
      );
      assert.equal(rig.store.revisions.at(-1)?.row.reason, "edited");
      await rig.charge(300, 7200);
      await rig.unplug();
      assert.equal(rig.row().vehicle, "Zoe");
    });

    it("takes an annotation for the last session as a new revision, also after a restart", async () => {
      rig = await createRig();
      await rig.plug();
      await rig.charge(300, 7200);
      await rig.unplug();
      await rig.kill();
      rig.say(JSON.stringify({ command: "annotate", user: "Ann", businessRatio: 0.5 }));
      await rig.run(1);
      const row = rig.row();
      assert.deepEqual(
        [row.status, row.user, row.businessRatio, row.flags.join()],
        ["closed", "Ann", 0.5, "corrected"],
      );
      near(row.energyWh, 600, 3);
      assert.equal(rig.events().at(-1), "corrected");
      rig.say({ command: "annotate", user: null });
      await rig.run(1);
      assert.equal(rig.row().user, null);
    });

    it("asks which charger is meant when two are possible, and says when there is no session", async () => {
      rig = await createRig();
      assert.throws(() => rig.say({ command: "annotate", note: "x" }), code("refused"));
      await rig.plug("left");
      await rig.plug("right");
      assert.throws(() => rig.say({ command: "annotate", note: "x" }), /left, right/);
      rig.say({ command: "annotate", device: "left", note: "x" });
      assert.throws(() => rig.say({ command: "annotate", device: "middle", note: "x" }), code("refused"));
      assert.throws(() => rig.say({ command: "annotate", device: "left", nite: "x" }), code("bad-command"));
      assert.throws(() => rig.say({ command: "annotate", device: "left", businessRatio: 7 }), code("out-of-range"));
      assert.throws(() => rig.say({ command: "explode" }), code("bad-command"));
    });

    it("lets an edit of the stored session stand", async () => {
      rig = await createRig({ devices: [defaultsOf({ vehicle: "Zoe", user: "Ann" })] });
      await rig.plug();
      await rig.run(2);
      const edited = { ...rig.row(), vehicle: "Leaf", note: "lent" };
      await rig.store.commit({ sessions: [{ session: edited, reason: "edited" }] });
      await rig.charge(120, 7200);
      await rig.kill();
      await rig.charge(120, 7200);
      await rig.unplug();
      const row = rig.row();
      assert.deepEqual([row.vehicle, row.user, row.note, row.status], ["Leaf", "Ann", "lent", "closed"]);
      near(row.energyWh, 480, 3);
    });

    it("does not bring back what a person has deleted", async () => {
      rig = await createRig();
      await rig.plug();
      await rig.run(2);
      await rig.store.commit({ sessions: [{ session: rig.row(), reason: "deleted" }] });
      await rig.charge(120, 7200);
      await rig.unplug();
      assert.deepEqual(rig.rows(), []);
    });

    it("splits the bill by hand: what follows is a session of its own", async () => {
      rig = await createRig();
      await rig.plug();
      rig.set("evse", { state: "charging", powerW: 7200 });
      await rig.run(300, 7200);
      rig.say({ command: "close", device: "evse" });
      await rig.charge(300, 7200);
      await rig.unplug();
      const rows = rig.rows();
      assert.deepEqual(
        rows.map(({ status, endReason, flags }) => [status, endReason, flags.join()]),
        [
          ["closed", "closed", ""],
          ["closed", "unplugged", "partial-start"],
        ],
      );
      near(rows[0]?.energyWh, 600, 5);
      near((rows[0]?.energyWh ?? 0) + (rows[1]?.energyWh ?? 0), 1200, 1);
    });

    it("sends the open sessions when asked", async () => {
      rig = await createRig();
      await rig.plug();
      await rig.charge(30, 7200);
      rig.heard.length = 0;
      rig.say("status");
      rig.say({ command: "status" });
      assert.deepEqual(rig.events(), ["status", "status"]);
      near(rig.heard[0]?.session.energyWh, 60, 3);
    });
  });

  describe("whose session it is", () => {
    const tags = [{ rfid: "04:A2 f0", user: "Ben", vehicle: "Leaf", purpose: "business" as const }];
    const devices = [
      defaultsOf({ vehicle: "Zoe", user: "Ann", purpose: "private", location: "home" }),
      defaultsOf({ device: "office", purpose: "mixed", businessRatio: 0.7, location: "work" }),
    ];

    it("is told by the card, which stays when it is gone", async () => {
      rig = await createRig({ tags, devices });
      await rig.plug("evse", { rfid: "04a2F0" });
      rig.set("evse", { rfid: null });
      await rig.charge(60, 7200);
      await rig.unplug();
      const row = rig.row();
      assert.deepEqual(
        [row.user, row.vehicle, row.purpose, row.businessRatio, row.location, row.rfid],
        ["Ben", "Leaf", "business", 1, "home", "04a2F0"],
      );
    });

    it("is told by the charger's own line, else by the line for all", async () => {
      rig = await createRig({ tags, devices });
      await rig.plug("evse");
      await rig.plug("office");
      await rig.run(1);
      assert.deepEqual(
        rig.rows().map((row) => [row.user, row.vehicle, row.purpose, row.businessRatio, row.location]),
        [
          ["Ann", "Zoe", "private", 0, "home"],
          [null, null, "mixed", 0.7, "work"],
        ],
      );
    });

    it("takes odometer and battery from the car, but not its old news", async () => {
      rig = await createRig();
      const car = (at: string, socPercent: number, odometerKm: number | null): unknown => ({
        kind: "vehicle",
        device: "Dacia",
        at,
        socPercent,
        odometerKm,
      });
      await rig.plug();
      rig.say(car("2026-11-21T12:00:00Z", 90, 1));
      await rig.run(1);
      assert.equal(rig.row().vehicle, null);
      rig.say(car("2026-11-21T18:00:10Z", 40, 12_345));
      await rig.charge(1800, 7200);
      rig.say(car("2026-11-21T18:29:00Z", 52, null));
      await rig.unplug();
      const row = rig.row();
      assert.deepEqual(
        [row.vehicle, row.odometerKm, row.socStartPercent, row.socEndPercent],
        ["Dacia", 12_345, 40, 52],
      );
    });
  });
});

const code =
  (wanted: string) =>
  (thrown: unknown): boolean =>
    thrown instanceof EvError && thrown.code === wanted;
