import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "mocha";
import type {
  ImportReport,
  SessionRow,
  Statement,
  SumRow,
  TariffRow,
} from "../../../../lib/records/history/answers.ts";
import type { MakeRig, Rig } from "./rig.ts";

/* The tables of facts openevse-h2v-sessions 1.3, with rows as a MariaDB driver gives them. */

/** 2020-02-15 18:00:00 UTC */
export const END_S = 1_581_789_600;
export const energySession = [
  { id: 1, tstamp: END_S, value: 25_920_000, sdur: 3600, carid: 1, status: 0, tarifid: 1 },
  { id: 2, tstamp: END_S + 86_400, value: 36_000_000, sdur: 7200, carid: 1, status: 0, tarifid: 0 },
];
const tarif = [
  { id: 1, dateA: END_S - 8_000_000, value: "0.1500", status: 0 },
  { id: 2, dateA: END_S - 4_000_000, value: "0.2000", status: 1 },
  { id: 3, dateA: END_S - 2_000_000, value: "0.3000", status: 0 },
];
const versement = [{ id: 1, dateV: END_S + 90_000, dateE: END_S + 90_000, value: "1.50", carid: 1, status: 0 }];
export const wholeImport = {
  command: "import",
  device: "garage",
  vehicle: "Zoe",
  currency: "EUR",
  energySession,
  tarif,
  versement,
};

export const describeImporting = (makeRig: MakeRig): void =>
  void describe("taking over an existing logger's database", () => {
    let rig: Rig;
    beforeEach(async () => {
      rig = await makeRig();
    });
    afterEach(() => rig.close());

    const take = async (more: Record<string, unknown> = {}): Promise<ImportReport> =>
      (await rig.ask({ ...wholeImport, ...more })).payload as ImportReport;
    const takeRows = (rows: readonly unknown[]): Promise<ImportReport> => take({ energySession: rows });
    const rows = async (): Promise<readonly SessionRow[]> =>
      (await rig.ask("sessions")).payload as readonly SessionRow[];
    const codes = ({ remarks }: ImportReport): string[] =>
      remarks.map(({ row, code, isLeftOut }) => `${row} ${code}${isLeftOut ? " left out" : ""}`);

    it("reads watt seconds, end times and durations as what they are", async () => {
      const report = await take();
      assert.deepEqual([report.sessions, report.tariffs, report.payments, report.remarks], [2, 3, 1, []]);
      assert.equal(report.energyKwh, 17.2);
      const first = (await rows()).at(-1);
      assert.deepEqual(
        [first?.start, first?.end, first?.energyKwh, first?.chargingMin, first?.vehicle, first?.flags],
        ["2020-02-15 18:00:00", "2020-02-15 19:00:00", 7.2, 60, "Zoe", "imported"],
      );
    });

    it("prices each session by its own tariff, and tariff 0 by the logger's rule: the highest id in force", async () => {
      await take();
      assert.deepEqual(
        (await rows()).map(({ cost, pricePerKwh, tariff, currency }) => [cost, pricePerKwh, tariff, currency]),
        [
          [2, 0.2, "tarif 2", "EUR"],
          [1.08, 0.15, "tarif 1", "EUR"],
        ],
      );
      const statement = (await rig.ask({ command: "statement", vehicle: "Zoe" })).payload as Statement;
      assert.deepEqual([statement.due, statement.paid, statement.balance], [3.08, 1.5, 1.58]);
      const tariffs = (await rig.ask("tariffs")).payload as TariffRow[];
      assert.deepEqual(
        tariffs.map(({ name, isActive }) => [name, isActive]),
        [
          ["tarif 3", false],
          ["tarif 2", true],
          ["tarif 1", false],
        ],
      );
    });

    it("is safe to repeat: the same rows again change nothing", async () => {
      await take();
      const before = await rows();
      const again = await take();
      assert.equal(again.alreadyThere, 2);
      assert.deepEqual(await rows(), before);
      assert.equal(((await rig.ask("statement")).payload as Statement).payments.length, 1);
    });

    it("leaves alone what somebody edited or deleted since", async () => {
      await take();
      const [second, first] = await rows();
      await rig.ask({ command: "edit", sessionId: first?.sessionId, vehicle: "Spring" });
      await rig.ask({ command: "delete", sessionId: second?.sessionId });
      const again = await take();
      assert.deepEqual([again.sessions, again.leftAsEdited], [0, 2]);
      assert.deepEqual(
        (await rows()).map(({ vehicle }) => vehicle),
        ["Spring"],
      );
    });

    it("knows the tariffs of an earlier import, and keeps sessions of an unknown one without a price", async () => {
      await take({ energySession: [], versement: [] });
      await take({ tarif: [], versement: [] });
      const [zero, one] = await rows();
      assert.equal(one?.cost, 1.08);
      assert.equal(zero?.cost, null);
      const report = await takeRows([{ ...energySession[0], id: 9, tarifid: 77 }]);
      assert.deepEqual(codes(report), ["1 unknown-tariff"]);
      assert.equal(((await rig.ask("totals")).payload as SumRow[])[0]?.unpricedKwh, 17.2);
    });

    it("takes the numbers as text, bigint or number, and reports each bad row by its place", async () => {
      const report = await takeRows([
        { id: "1", tstamp: String(END_S), value: "25920000", sdur: "3600", carid: "1", status: "0", tarifid: "1" },
        { id: 2n, tstamp: BigInt(END_S + 9000), value: 3_600_000n, sdur: 600n, carid: 1n, tarifid: 1n },
        null,
        { id: 4, tstamp: "yesterday", value: 1, sdur: 1 },
        { id: 5, tstamp: END_S, value: -4, sdur: 60, tarifid: 1 },
        { id: 6, tstamp: END_S, value: 0, sdur: 60, tarifid: 1 },
        { id: 7, tstamp: 0, value: 100, sdur: 60, tarifid: 1 },
        { id: 1, tstamp: END_S, value: 1000, sdur: 60, tarifid: 1 },
        { id: 8, tstamp: END_S, value: Number.NaN, sdur: 60, tarifid: 1 },
        { id: 9, tstamp: END_S, value: "1e9; DROP TABLE", sdur: 60, tarifid: 1 },
      ]);
      assert.equal(report.sessions, 2);
      assert.deepEqual(codes(report), [
        "3 unreadable left out",
        "4 unreadable left out",
        "5 no-energy left out",
        "6 no-energy left out",
        "7 unreadable left out",
        "8 twice left out",
        "9 unreadable left out",
        "10 unreadable left out",
      ]);
      assert.equal(report.remarks[1]?.id, "4");
      assert.match(report.remarks[1]?.text ?? "", /^tstamp: /);
    });

    it("keeps the energy of a session whose start the logger had not seen, without its 56 years", async () => {
      const report = await takeRows([{ ...energySession[0], sdur: END_S }]);
      assert.deepEqual(codes(report), ["1 unknown-duration"]);
      const [row] = await rows();
      assert.deepEqual(
        [row?.energyKwh, row?.chargingMin, row?.start, row?.flags],
        [7.2, 0, "2020-02-15 19:00:00", "imported partial-start"],
      );
    });

    it("leaves out energy that was counted twice: no charger is that strong", async () => {
      const report = await takeRows([{ ...energySession[0], value: 10_020_000, sdur: 10 }]);
      assert.deepEqual(codes(report), ["1 too-much-power left out"]);
      assert.match(report.remarks[0]?.text ?? "", /2783 Wh in 10 s would be 1002 kW/);
      assert.equal((await rows()).length, 0);
    });

    it("leaves out the lifetime meter that newer firmware made the logger store as sessions", async () => {
      const meter = [7_875_444, 7_882_644, 7_885_000, 7_899_000, 7_901_000].map((value, index) => ({
        id: 10 + index,
        tstamp: END_S + index * 86_400,
        value,
        sdur: 7200,
        carid: 1,
        tarifid: 1,
      }));
      const real = { ...energySession[0], id: 20, tstamp: END_S + 10 * 86_400 };
      const report = await takeRows([...meter, real]);
      assert.equal(report.sessions, 1);
      assert.deepEqual(new Set(report.remarks.map(({ code }) => code)), new Set(["lifetime-meter"]));
    });

    it("needs four such rows in a row to believe that", async () => {
      const meter = [7_875_444, 7_882_644, 7_885_000, 7_899_000].map((value, index) => ({
        ...energySession[0],
        id: 10 + index,
        tstamp: END_S + index * 86_400,
        value,
        sdur: 7200,
      }));
      assert.equal((await takeRows(meter.slice(1))).sessions, 3);
      assert.equal((await takeRows(meter)).remarks.length, 4);
    });

    it("does not take a car that charges nearly the same every day for a lifetime meter", async () => {
      const daily = [25_900_000, 26_100_000, 26_400_000, 26_800_000, 27_100_000].map((value, index) => ({
        ...energySession[0],
        id: 30 + index,
        tstamp: END_S + index * 86_400,
        value,
      }));
      assert.equal((await takeRows(daily)).sessions, 5);
    });

    it("names further cars by their number", async () => {
      await takeRows([{ ...energySession[0], carid: 2 }]);
      assert.equal((await rows())[0]?.vehicle, "Zoe 2");
    });
  });
