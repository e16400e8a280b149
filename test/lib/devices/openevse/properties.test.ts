import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { createFedLink, type FedLink } from "../../../../lib/devices/openevse/client-fed.ts";
import { createOpenevse } from "../../../../lib/devices/openevse/openevse.ts";
import { createManualClock } from "../../../../lib/model/clock.ts";
import { silentLogger } from "../../../../lib/model/logger.ts";
import { type Charger, chargerSchema } from "../../../../lib/model/records.ts";

const KEYS = [
  "state",
  "vehicle",
  "flags",
  "amp",
  "voltage",
  "power",
  "pilot",
  "session_energy",
  "total_energy",
  "wh",
  "wattsec",
  "temp",
  "uptime",
  "time",
  "status",
  "evse_connected",
  "override",
  "claim",
  "limit",
  "config",
  "schedule",
  "rfid_auth",
  "battery_level",
  "__proto__",
];
const said = fc.oneof(
  fc.constantFrom(
    "0",
    "1",
    "2",
    "3",
    "6",
    "254",
    "255",
    "false",
    "true",
    "NaN",
    "",
    "1e9",
    "-1",
    "active",
    '{"state":"null"}',
  ),
  fc.double().map(String),
  fc.integer({ min: 0, max: 300 }).map(String),
  fc.string(),
  fc.json(),
  fc.anything(),
);
const message = fc.record({
  topic: fc.oneof(
    fc.constantFrom(...KEYS).map((key) => `box/${key}`),
    fc.constantFrom("box", "openevse/announce/x", "box/rapi/out", "box/override/set", "other"),
  ),
  payload: said,
  isRetained: fc.boolean(),
  waitMs: fc.constantFrom(0, 0, 0, 10, 700, 5000, 40_000, 120_000),
});

describe("openevse: whatever a broker says", () => {
  it("comes out as records that everybody can read, of a car that is either there or not", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 60 }), (messages) => {
        const clock = createManualClock(0);
        const published: string[] = [];
        const links: FedLink[] = [];
        const records: Charger[] = [];
        const device = createOpenevse({
          settings: {
            device: "box",
            baseTopic: "box",
            minA: 6,
            maxA: 32,
            channel: "auto",
            onExit: "release",
            whMeaning: null,
            wiredPhases: null,
            silenceS: 95,
          },
          clock,
          logger: silentLogger,
          describe: (code) => code,
          openLink(events) {
            const link = createFedLink(
              { baseTopic: "box", announceTopic: "openevse/announce/#" },
              clock,
              events,
              (out) => {
                published.push(out.topic);
                return true;
              },
            );
            links.push(link);
            return link;
          },
        });
        device.subscribe(({ charger }) => records.push(charger));
        for (const { waitMs, ...rest } of messages) {
          links[0]?.feed(rest);
          clock.advance(waitMs);
        }
        clock.advance(10_000);
        for (const record of records) {
          const { plugged, state, powerW, sessionWh, totalWh, online } = chargerSchema.parse(record);
          if (state === "charging" || state === "plugged") assert.notEqual(plugged, false);
          if (state === "unplugged") assert.notEqual(plugged, true);
          for (const number of [powerW, sessionWh, totalWh]) assert.ok(number === null || number >= 0);
          if (!online) assert.deepEqual([plugged, state, powerW], [null, "unknown", null]);
        }
        // who is only listened to is never told anything
        assert.deepEqual(published, []);
        assert.equal(({} as { state?: unknown }).state, undefined);
        void device.close();
      }),
      { numRuns: 1000 },
    );
  });
});
