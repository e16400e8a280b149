import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, describe, it } from "mocha";
import type { OpenEvseGeneration } from "../../simulators/openevse.ts";
import { asList, asObject, type JsonObject, parseObject } from "./json.ts";
import { type Bench, openBench } from "./openevse-setup.ts";
import { askObject } from "./wire.ts";

const recordingText = (name: string): string =>
  readFileSync(new URL(`../fixtures/openevse/${name}.json`, import.meta.url), "utf8");

/** Absent temperatures are `false`, so a sensor may be a number or a boolean. */
const typesOf = (shown: JsonObject): Record<string, string> =>
  Object.fromEntries(
    Object.entries(shown).map(([key, member]) => [key, /^temp\d?$/.test(key) ? "temperature" : kindOf(member)]),
  );
const kindOf = (member: unknown): string => (Array.isArray(member) ? "array" : typeof member);

describe("OpenEVSE simulator beside recordings of real ones", () => {
  let bench: Bench;
  afterEach(() => bench.end());

  for (const [generation, name] of [
    ["2.9.1", "status-fw2.9.1"],
    ["4.1.7", "status-fw4.1-controller-meter"],
    ["5.1.5", "status-fw5.1.2"],
  ] as const satisfies readonly (readonly [OpenEvseGeneration, string])[]) {
    it(`shows the same keys in the same order with the same types in /status (${generation})`, async () => {
      bench = await openBench({ generation });
      const recorded = parseObject(recordingText(name));
      const status = await bench.status();
      assert.deepEqual(Object.keys(status), Object.keys(recorded));
      assert.deepEqual(typesOf(status), typesOf(recorded));
    });
  }

  it("shows nothing in /status of 4.0 that the early 4.1 does not show", async () => {
    bench = await openBench({ generation: "4.0" });
    const recorded = typesOf(parseObject(recordingText("status-fw4.1-early")));
    for (const [key, type] of Object.entries(typesOf(await bench.status()))) assert.equal(recorded[key], type, key);
  });

  it("has the settings of a recorded /config, key by key, also as the retained document", async () => {
    bench = await openBench({ generation: "5.1.5" });
    const recorded = parseObject(recordingText("config-fw5.1.2"));
    const settings = await askObject(bench.evse.port, "/config");
    assert.deepEqual(typesOf(settings), typesOf(recorded));
    assert.deepEqual(asObject(await bench.document("config")), settings);
  });

  it("takes a recorded schedule and gives it back as it was", async () => {
    bench = await openBench();
    const recorded = asList(JSON.parse(recordingText("schedule-fw4")));
    assert.equal((await bench.http("POST", "/schedule", JSON.stringify(recorded))).status, 200);
    assert.deepEqual(JSON.parse((await bench.http("GET", "/schedule")).text), recorded);
    assert.deepEqual(await bench.document("schedule"), recorded);
  });

  it("prints large numbers as the recordings have them", async () => {
    bench = await openBench({ generation: "5.1.5", lifetimeWh: 20_127_228.17 });
    const pick = (text: string): string | undefined => /"watthour": ?([^,\n]+)/.exec(text)?.[1];
    const { text } = await bench.http("GET", "/status");
    assert.equal(pick(text), pick(recordingText("status-fw5.1.2")));
    assert.equal(/"total_energy":([^,]+)/.exec(text)?.[1], "20127.22817");
  });
});
