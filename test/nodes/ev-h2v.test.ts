import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, describe, it } from "mocha";
import { h2vSchema } from "../../lib/model/h2v.ts";
import { meterSchema } from "../../lib/model/records.ts";
import h2vNode from "../../nodes/devices/ev-h2v/ev-h2v.ts";
import { type H2vFault, type H2vSimulator, startH2vGateway } from "../../simulators/h2v.ts";
import {
  getNode,
  loadFlow,
  logLines,
  nextMessage,
  redeploy,
  statusTexts,
  unloadFlow,
  until,
  withTexts,
} from "../support/node-runtime.ts";

const module = withTexts(h2vNode, "devices/ev-h2v");

const flow = (gateway: { readonly port: number }, more: Record<string, unknown> = {}) => [
  { id: "tab", type: "tab", label: "test" },
  {
    id: "n",
    z: "tab",
    type: "ev-h2v",
    name: "home",
    version: 1,
    host: `127.0.0.1:${gateway.port}`,
    offsetHours: "9",
    pollS: "1",
    wires: [["house"], ["car"], ["all"]],
    ...more,
  },
  ...["house", "car", "all", "caught"].map((id) => ({ id, z: "tab", type: "helper" })),
  { id: "net", z: "tab", type: "catch", scope: null, wires: [["caught"]] },
];

const lines = (): string[] =>
  logLines()
    .filter(({ level, id }) => level <= 40 && id === "n")
    .map(({ msg }) => String(msg));
const lastStatus = (): string => statusTexts("n").at(-1) ?? "";

describe("ev-h2v", function () {
  this.timeout(20_000);
  let gateway: H2vSimulator;
  /** Minutes that go by much faster, so that a test need not wait for them. */
  const begin = async (fault: H2vFault | null = null, more: Record<string, unknown> = {}): Promise<void> => {
    gateway = await startH2vGateway({ home: () => ({ meanW: 817, peakW: 849, carW: 2 }) });
    gateway.setFault(fault);
    await loadFlow([module], flow(gateway, more));
  };
  afterEach(async () => {
    await unloadFlow();
    await gateway.stop();
  });

  it("sends house, car and the gateway's figures from their own outputs", async () => {
    gateway = await startH2vGateway({ home: () => ({ meanW: 817, peakW: 849, carW: 2 }) });
    const loading = loadFlow([module], flow(gateway));
    await loading;
    const [house, car, all] = await Promise.all([nextMessage("house"), nextMessage("car"), nextMessage("all")]);
    assert.equal(house.topic, "home");
    assert.equal(meterSchema.parse(house.payload).powerW, 817);
    assert.equal(meterSchema.parse(car.payload).powerW, 2);
    const record = h2vSchema.parse(all.payload);
    assert.deepEqual([record.meanW, record.carW, record.device, record.flags], [817, 2, "home", []]);
    assert.equal(lastStatus(), "green dot 817 W car 2 W");
    assert.deepEqual(lines(), []);
  });

  it("does not send a minute again, neither when asked nor after a redeploy", async () => {
    await begin();
    const { payload } = await nextMessage("all");
    const { minute } = h2vSchema.parse(payload);
    const again: (string | null)[] = [];
    getNode("all").on("input", (message) => again.push(h2vSchema.parse(message.payload).minute));
    getNode("n").receive({ payload: "now" });
    const before = gateway.requests;
    await until("it has asked", () => gateway.requests > before + 1);
    await redeploy(flow(gateway));
    getNode("all").on("input", (message) => again.push(h2vSchema.parse(message.payload).minute));
    const beforeToo = gateway.requests;
    await until("it has asked again", () => gateway.requests > beforeToo + 1);
    assert.ok(!again.includes(minute), "the same minute came again");
  });

  const faults: readonly (readonly [H2vFault, RegExp])[] = [
    ["html-200", /red ring bad reply/],
    ["refuse", /red ring unreachable/],
    ["endless-body", /red ring reply too large/],
    ["placeholder", /yellow ring no data yet/],
  ];
  for (const [fault, status] of faults) {
    it(`shows it, says it once and comes back by itself: ${fault}`, async () => {
      await begin(fault);
      await until("it shows", () => status.test(lastStatus()));
      assert.equal(lines().length, 1, lines().join("\n"));
      gateway.setFault(null);
      await until("it is live", () => /green dot 817/.test(lastStatus()), 15_000);
      assert.equal(lines().length, 2, lines().join("\n"));
      assert.match(lines()[1] ?? "", /home is back/);
    });
  }

  it("names a missing figure in its status", async () => {
    await begin("no-mean");
    await until("it shows", () => lastStatus() === "yellow ring no 平均");
  });

  it("says that the clocks do not agree", async () => {
    await begin(null, { offsetHours: "0" });
    await until("it shows", () => lastStatus() === "yellow ring clock is off");
    assert.match(lines()[0] ?? "", /hours of offset/);
  });

  it("refuses commands and tells of settings that are wrong", async () => {
    await begin();
    await nextMessage("all");
    const caught = nextMessage("caught");
    getNode("n").receive({ payload: { command: "charge" } });
    assert.equal((((await caught).error ?? {}) as { code?: string }).code ?? "unsupported", "unsupported");
    await redeploy(flow(gateway, { host: "" }));
    await until("it shows", () => lastStatus() === "red ring check settings");
  });

  it("has every text in Japanese too, short enough for the status", () => {
    const read = (language: string): Record<string, unknown> =>
      JSON.parse(
        readFileSync(new URL(`../../nodes/devices/ev-h2v/locales/${language}/ev-h2v.json`, import.meta.url), "utf8"),
      ) as Record<string, unknown>;
    const status = (read("ja")["ev-h2v"] as { status: Record<string, string> }).status;
    for (const text of Object.values(status)) assert.ok(text.length < 25, text);
  });
});
