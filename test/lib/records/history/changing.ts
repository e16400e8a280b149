import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "mocha";
import { EvError } from "../../../../lib/model/errors.ts";
import type {
  PaymentRow,
  PricingReport,
  RevisionRow,
  SessionRow,
  Statement,
  TariffRow,
  VerifyRow,
} from "../../../../lib/records/history/answers.ts";
import { answerHistory } from "../../../../lib/records/history/history.ts";
import { readHistoryRequest } from "../../../../lib/records/history/read-request.ts";
import { keep, type MakeRig, type Rig, someSession } from "./rig.ts";

export const describeChanging = (makeRig: MakeRig): void =>
  void describe("changing the history", () => {
    let rig: Rig;
    beforeEach(async () => {
      rig = await makeRig();
    });
    afterEach(() => rig.close());

    const rows = async (): Promise<readonly SessionRow[]> =>
      (await rig.ask("sessions")).payload as readonly SessionRow[];
    const revisions = async (sessionId: string): Promise<readonly RevisionRow[]> =>
      (await rig.ask({ command: "revisions", sessionId })).payload as readonly RevisionRow[];
    const refused = async (payload: unknown): Promise<EvError> => {
      try {
        await rig.ask(payload);
      } catch (thrown) {
        if (thrown instanceof EvError) return thrown;
        throw thrown;
      }
      throw new Error("was not refused");
    };

    describe("editing a session", () => {
      it("makes a new revision with its author, and keeps the old one", async () => {
        const session = someSession("2026-11-01T08:00:00Z", { vehicle: "Zoe" });
        await keep(rig, session);
        const { sessionId } = session;
        const answer = await rig.ask({
          command: "edit",
          sessionId,
          vehicle: "Spring",
          odometerKm: 12_345,
          author: "Ann",
        });
        assert.equal(answer.session?.vehicle, "Spring");
        assert.equal(answer.session?.revision, 2);
        assert.equal((await rows())[0]?.vehicle, "Spring");
        assert.equal((await rows())[0]?.flags, "corrected");
        const [first, second] = await revisions(sessionId);
        assert.equal(first?.session.vehicle, "Zoe");
        assert.equal(second?.reason, "edited");
        assert.equal(second?.author, "Ann");
        assert.equal(second?.changed, "vehicle odometerKm flags");
      });

      it("changes only the fields that were given, and never energy, times or cost", async () => {
        const session = someSession("2026-11-01T08:00:00Z", { vehicle: "Zoe", note: "x", cost: 1, currency: "EUR" });
        await keep(rig, session);
        const answer = await rig.ask({ command: "edit", sessionId: session.sessionId, user: "Ann", note: null });
        const { user, note, vehicle, energyWh, cost } = answer.session ?? session;
        assert.deepEqual([user, note, vehicle, energyWh, cost], ["Ann", null, "Zoe", 7200, 1]);
        assert.equal(
          (await refused({ command: "edit", sessionId: session.sessionId, energyWh: 1 })).code,
          "bad-command",
        );
      });

      it("takes a default share away when a session becomes wholly business or private", async () => {
        const session = someSession("2026-11-01T08:00:00Z", { purpose: "mixed", businessRatio: 0.6 });
        await keep(rig, session);
        const { sessionId } = session;
        assert.equal((await rig.ask({ command: "edit", sessionId, purpose: "private" })).session?.businessRatio, null);
        const both = await rig.ask({ command: "edit", sessionId, purpose: "business", businessRatio: 0.9 });
        assert.equal(both.session?.businessRatio, 0.9);
      });

      it("makes no revision of what is so already, and loses none of several edits at once", async () => {
        const session = someSession("2026-11-01T08:00:00Z", { vehicle: "Zoe" });
        await keep(rig, session);
        const { sessionId } = session;
        const same = await rig.ask({ command: "edit", sessionId, vehicle: "Zoe" });
        assert.deepEqual([same.session?.revision, same.session?.flags], [1, []]);
        await Promise.all([
          rig.ask({ command: "edit", sessionId, user: "Ann" }),
          rig.ask({ command: "edit", sessionId, odometerKm: 7 }),
          rig.ask({ command: "edit", sessionId, note: "x" }),
        ]);
        const [row] = await rows();
        assert.deepEqual(
          [row?.vehicle, row?.user, row?.odometerKm, row?.note, row?.revision],
          ["Zoe", "Ann", 7, "x", 4],
        );
      });

      /** The log stores a revision just after this many reads of the session. */
      const racing = (times: number): Rig["ask"] => {
        const { store } = rig.parts;
        const findSession: typeof store.findSession = async (sessionId) => {
          const found = await store.findSession(sessionId);
          if (found !== null && (times -= 1) >= 0) {
            const corrected = { ...found, energyWh: found.energyWh + 1 };
            await store.commit({ sessions: [{ session: corrected, reason: "corrected" }] });
          }
          return found;
        };
        const parts = { ...rig.parts, store: { db: store.db, commit: store.commit, findSession } };
        return (payload) => answerHistory(parts, readHistoryRequest(payload));
      };

      it("overwrites nothing that the log stores at the same moment", async () => {
        const session = someSession("2026-11-01T08:00:00Z", { vehicle: "Zoe" });
        await keep(rig, session);
        const { sessionId } = session;
        const answer = await racing(2)({ command: "edit", sessionId, vehicle: "Spring" });
        const { energyWh, vehicle, revision } = answer.session ?? session;
        assert.deepEqual([energyWh, vehicle, revision], [7202, "Spring", 4]);
        await rig.ask({ command: "add-tariff", from: "2026-01-01", pricePerKwh: 0.5 });
        assert.equal(((await racing(1)({ command: "price" })).payload as PricingReport).priced, 1);
        assert.deepEqual(
          (await rows()).map(({ energyKwh, cost }) => [energyKwh, cost]),
          [[7.203, 3.6015]],
        );
        await racing(1)({ command: "delete", sessionId });
        const last = (await revisions(sessionId)).at(-1);
        assert.deepEqual([last?.reason, last?.session.cost, last?.revision], ["deleted", 3.6015, 8]);
      });

      it("gives up with a code when the log never rests", async () => {
        const session = someSession("2026-11-01T08:00:00Z");
        await keep(rig, session);
        await assert.rejects(
          racing(100)({ command: "edit", sessionId: session.sessionId, user: "Ann" }),
          (error) => error instanceof EvError && error.code === "stale",
        );
        assert.equal((await rows())[0]?.user, null);
      });

      it("is refused for an open session, an unknown one, and with nothing to change", async () => {
        const open = someSession("2026-11-01T08:00:00Z", { status: "open", unpluggedAt: null, endReason: null });
        await keep(rig, open);
        assert.equal((await refused({ command: "edit", sessionId: open.sessionId, user: "Ann" })).code, "refused");
        assert.equal((await refused({ command: "edit", sessionId: crypto.randomUUID(), user: "Ann" })).code, "refused");
        await keep(rig, someSession("2026-11-01T08:00:00Z"));
        const { sessionId } = (await rows()).find(({ status }) => status === "closed") ?? { sessionId: "" };
        assert.equal((await refused({ command: "edit", sessionId })).code, "bad-command");
      });
    });

    it("takes a deleted session out of every list and sum, and keeps its record", async () => {
      const session = someSession("2026-11-01T08:00:00Z");
      await keep(rig, session, someSession("2026-11-02T08:00:00Z"));
      await rig.ask({ command: "delete", sessionId: session.sessionId, author: "Ann" });
      assert.equal((await rows()).length, 1);
      assert.equal((await rig.ask("totals")).totals?.sessions, 1);
      const last = (await revisions(session.sessionId)).at(-1);
      assert.equal(last?.reason, "deleted");
      assert.equal(last?.session.energyWh, 7200);
      assert.equal((await refused({ command: "delete", sessionId: session.sessionId })).code, "refused");
    });

    describe("entering a session by hand", () => {
      const request = {
        command: "add",
        pluggedAt: "2026-11-20T10:00:00Z",
        unpluggedAt: "2026-11-20T10:30:00Z",
        energyWh: 22_000,
        cost: 12.5,
        location: "public",
        vehicle: "Zoe",
        author: "Ann",
      };

      it("stores it with its cost, in the site's zone, and says that it is manual", async () => {
        const { session } = await rig.ask(request);
        assert.equal(session?.pluggedAt, "2026-11-20T11:00:00.000+01:00");
        assert.deepEqual([session?.flags, session?.energySource], [["manual"], "manual"]);
        assert.deepEqual([session?.cost, session?.currency, session?.pricePerKwh], [12.5, "EUR", 0.568182]);
        assert.equal((await rows())[0]?.location, "public");
        assert.equal((await revisions(session?.sessionId ?? ""))[0]?.author, "Ann");
      });

      it("is one session however often it is sent", async () => {
        await rig.ask(request);
        await rig.ask(request);
        assert.equal((await rows()).length, 1);
      });

      it("takes a clock that is a few minutes ahead", async () => {
        // it is 12:00 here
        const late = { ...request, pluggedAt: "2026-11-25T11:00:00Z" };
        assert.equal((await refused({ ...late, unpluggedAt: "2026-11-25T12:06:00Z" })).code, "out-of-range");
        await rig.ask({ ...late, unpluggedAt: "2026-11-25T12:04:00Z" });
        assert.equal((await rows()).length, 1);
      });

      it("refuses an end before the start, a future, and a power that no charger has", async () => {
        for (const wrong of [
          { unpluggedAt: request.pluggedAt },
          { unpluggedAt: "2026-11-20T09:00:00Z" },
          { pluggedAt: "2026-11-30T10:00:00Z", unpluggedAt: "2026-11-30T11:00:00Z" },
          { pluggedAt: "2020-11-20T10:00:00Z" },
          { energyWh: 900_000 },
        ]) {
          assert.equal((await refused({ ...request, ...wrong })).code, "out-of-range", JSON.stringify(wrong));
        }
        assert.equal((await rows()).length, 0);
      });
    });

    describe("the account", () => {
      const statement = async (more: Record<string, unknown> = {}): Promise<Statement> =>
        (await rig.ask({ command: "statement", ...more })).payload as Statement;

      it("says what is due, paid and still to be paid, with the payments, the newest first", async () => {
        await keep(
          rig,
          someSession("2026-11-01T08:00:00Z", { cost: 10.1, currency: "EUR" }),
          someSession("2026-11-02T08:00:00Z", { cost: 20.2, currency: "EUR" }),
          someSession("2026-11-03T08:00:00Z", { energyWh: 5000 }),
        );
        await rig.ask({ command: "add-payment", day: "2026-11-04", amount: 25, note: "cash" });
        await rig.ask({ command: "add-payment", day: "2026-11-05", amount: 1 });
        const { due, paid, balance, currency, unpricedKwh, payments } = await statement();
        assert.deepEqual([due, paid, balance, currency, unpricedKwh], [30.3, 26, 4.3, "EUR", 5]);
        assert.deepEqual(
          payments.map(({ day, amount, note }) => [day, amount, note]),
          [
            ["2026-11-05", 1, null],
            ["2026-11-04", 25, "cash"],
          ],
        );
      });

      it("is kept per vehicle and user, and per period", async () => {
        await keep(
          rig,
          someSession("2026-10-31T08:00:00Z", { cost: 1, currency: "EUR", vehicle: "Zoe", user: "Ann" }),
          someSession("2026-11-02T08:00:00Z", { cost: 2, currency: "EUR", vehicle: "Zoe", user: "Bob" }),
          someSession("2026-11-02T08:00:00Z", { cost: 4, currency: "EUR", vehicle: "Spring", user: "Bob" }),
        );
        await rig.ask({ command: "add-payment", day: "2026-11-04", amount: 0.5, vehicle: "Zoe" });
        await rig.ask({ command: "add-payment", day: "2026-11-04", amount: 3, vehicle: "Spring" });
        await rig.ask({ command: "add-payment", day: "2026-10-04", amount: 0.25, user: "Bob" });
        const all = await Promise.all([
          statement(),
          statement({ vehicle: "Zoe" }),
          statement({ user: "Bob" }),
          statement({ from: "2026-11-01", to: "2026-11-30" }),
        ]);
        assert.deepEqual(
          all.map(({ due, paid, balance }) => [due, paid, balance]),
          [
            [7, 3.75, 3.25],
            [3, 0.5, 2.5],
            [6, 0.25, 5.75],
            [6, 3.5, 2.5],
          ],
        );
      });

      it("keeps every currency's account to itself", async () => {
        await keep(
          rig,
          someSession("2026-11-01T08:00:00Z", { cost: 1, currency: "EUR" }),
          someSession("2026-11-02T08:00:00Z", { cost: 2, currency: "GBP" }),
        );
        await rig.ask({ command: "add-payment", day: "2026-11-04", amount: 5, currency: "GBP" });
        const account = await statement();
        assert.deepEqual([account.currency, account.due, account.paid], ["EUR", 1, 0]);
        assert.deepEqual(
          account.others.map(({ currency, due, paid, balance }) => [currency, due, paid, balance]),
          [["GBP", 2, 5, -3]],
        );
      });

      it("is in the currency of the sessions where there is none in the site's own", async () => {
        await keep(rig, someSession("2026-11-02T08:00:00Z", { cost: 2, currency: "GBP" }));
        const { currency, due, others } = await statement();
        assert.deepEqual([currency, due, others], ["GBP", 2, []]);
      });

      it("takes a cost that names no currency for one in the site's own", async () => {
        await keep(rig, someSession("2026-11-02T08:00:00Z", { cost: 2 }));
        const { currency, due, others } = await statement();
        assert.deepEqual([currency, due, others], ["EUR", 2, []]);
      });

      it("holds what was paid on the last day of its period", async () => {
        await rig.ask({ command: "add-payment", day: "2026-11-30", amount: 1 });
        assert.equal((await statement({ from: "2026-11-30", to: "2026-11-30" })).paid, 1);
      });

      it("forgets a payment that is removed, and refuses to remove what is not there", async () => {
        const [payment] = (await rig.ask({ command: "add-payment", day: "2026-11-04", amount: 25 }))
          .payload as PaymentRow[];
        await rig.ask({ command: "remove-payment", id: payment?.id });
        assert.equal((await statement()).paid, 0);
        assert.equal((await refused({ command: "remove-payment", id: payment?.id })).code, "refused");
      });
    });

    it("lists tariffs, newest first; a new one changes no session that is stored", async () => {
      await keep(
        rig,
        someSession("2026-11-02T08:00:00Z"),
        someSession("2026-11-03T08:00:00Z", { cost: 1, currency: "EUR" }),
      );
      await rig.ask({ command: "add-tariff", from: "2026-01-01", pricePerKwh: 0.2, name: "2026" });
      await rig.ask({ command: "add-tariff", from: "2027-01-01", pricePerKwh: 0.25, currency: "GBP" });
      const tariffs = (await rig.ask("tariffs")).payload as TariffRow[];
      assert.deepEqual(
        tariffs.map(({ from, pricePerKwh, currency, name, isActive }) => [from, pricePerKwh, currency, name, isActive]),
        [
          ["2027-01-01", 0.25, "GBP", null, true],
          ["2026-01-01", 0.2, "EUR", "2026", true],
        ],
      );
      assert.deepEqual(
        (await rows()).map(({ cost, revision }) => [cost, revision]),
        [
          [1, 1],
          [null, 1],
        ],
      );
      await rig.ask({ command: "remove-tariff", id: tariffs[0]?.id });
      assert.equal(((await rig.ask("tariffs")).payload as TariffRow[]).length, 1);
      assert.equal((await refused({ command: "remove-tariff", id: "x" })).code, "refused");
    });

    it("prices sessions without a price when asked, by the tariff in force when they began, and leaves the others", async () => {
      await keep(
        rig,
        someSession("2026-11-03T08:00:00Z", { cost: 9, currency: "EUR" }),
        someSession("2026-11-02T08:00:00Z"),
        someSession("2026-01-02T08:00:00Z"),
        someSession("2025-01-02T08:00:00Z"),
      );
      await rig.ask({ command: "add-tariff", from: "2026-01-01", pricePerKwh: 0.25, name: "old" });
      await rig.ask({ command: "add-tariff", from: "2026-11-02", pricePerKwh: 0.5, name: "new" });
      const report = (await rig.ask({ command: "price", author: "Ann" })).payload;
      assert.deepEqual(report, { priced: 2, energyKwh: 14.4, withoutTariff: 1 });
      assert.deepEqual(
        (await rows()).map(({ cost, tariff, flags, revision }) => [cost, tariff, flags, revision]),
        [
          [9, null, "", 1],
          [3.6, "new", "corrected", 2],
          [1.8, "old", "corrected", 2],
          [null, null, "", 1],
        ],
      );
      await rig.ask({ command: "add-tariff", from: "2026-11-01", pricePerKwh: 5 });
      assert.deepEqual((await rig.ask({ command: "price" })).payload, { priced: 0, energyKwh: 0, withoutTariff: 1 });
    });

    it("prices of a partly priced session only the rest, and only in its own currency", async () => {
      const slot = {
        start: "2026-11-03T08:00:00Z",
        end: "2026-11-03T08:30:00Z",
        energyWh: 3000,
        pricePerKwh: 0.3,
      };
      const partly = {
        cost: 0.9,
        costGrid: 0.8,
        costSolar: 0.1,
        energyWh: 5000,
        unpricedWh: 2000,
        pricePerKwh: 0.3,
        tariff: "spot",
        tariffSlots: [slot],
      };
      const euro = someSession("2026-11-03T08:00:00Z", { ...partly, currency: "EUR" });
      const pound = someSession("2026-11-02T08:00:00Z", { ...partly, currency: "GBP" });
      await keep(rig, euro, pound);
      await rig.ask({ command: "add-tariff", from: "2026-01-01", pricePerKwh: 0.5, name: "flat" });
      assert.deepEqual((await rig.ask({ command: "price" })).payload, { priced: 1, energyKwh: 2, withoutTariff: 1 });
      const found = (await revisions(euro.sessionId)).at(-1)?.session;
      assert.deepEqual(
        [found?.cost, found?.unpricedWh, found?.pricePerKwh, found?.tariff, found?.costGrid, found?.costSolar],
        [1.9, 0, 0.38, "spot + flat", 1.8, 0.1],
      );
      assert.deepEqual(
        found?.tariffSlots.map(({ energyWh, pricePerKwh }) => [energyWh, pricePerKwh]),
        [
          [3000, 0.3],
          [2000, 0.5],
        ],
      );
      assert.deepEqual(
        (await rows()).map(({ cost, currency, unpricedKwh }) => [cost, currency, unpricedKwh]),
        [
          [1.9, "EUR", 0],
          [0.9, "GBP", 2],
        ],
      );
      assert.deepEqual((await rig.ask({ command: "price" })).payload, { priced: 0, energyKwh: 0, withoutTariff: 1 });
    });

    describe("verifying the records", () => {
      const verify = async (): Promise<VerifyRow | undefined> => ((await rig.ask("verify")).payload as VerifyRow[])[0];
      const fill = async (): Promise<void> => {
        const edited = someSession("2026-11-01T08:00:00Z");
        const deleted = someSession("2026-11-02T08:00:00Z");
        await keep(rig, edited, deleted, someSession("2026-11-03T08:00:00Z"));
        await rig.ask({ command: "edit", sessionId: edited.sessionId, vehicle: "Zoe" });
        await rig.ask({ command: "delete", sessionId: deleted.sessionId });
      };

      it("finds records intact that were edited and deleted the proper way", async () => {
        await fill();
        const { isIntact, revisions: count, why } = (await verify()) ?? {};
        assert.deepEqual([isIntact, count, why], [true, 5, null]);
      });

      for (const [attack, why] of [
        ["UPDATE sessions SET energy_wh = 1 WHERE local_day = '2026-11-03'", "table-differs"],
        ["UPDATE sessions SET record = replace(record, '7200', '720') WHERE local_day = '2026-11-03'", "table-differs"],
        ["UPDATE sessions SET energy_wh = 720, record = replace(record, '7200', '720')", "table-differs"],
        ["DELETE FROM sessions WHERE local_day = '2026-11-03'", "table-differs"],
        [
          `UPDATE sessions SET revision = 9, record = replace(record, '"revision":1', '"revision":9') WHERE local_day = '2026-11-03'`,
          "table-differs",
        ],
        ["DELETE FROM session_revisions WHERE chain_index >= 4", "table-differs"],
        ["UPDATE session_revisions SET record = replace(record, '7200', '720') WHERE chain_index = 3", "changed"],
        ["DELETE FROM session_revisions WHERE chain_index = 2", "missing"],
        ["UPDATE session_revisions SET record = '{' WHERE chain_index = 2", "unreadable"],
      ] as const) {
        it(`finds out about ${attack}`, async () => {
          await fill();
          await rig.run(attack);
          const row = await verify();
          assert.deepEqual([row?.isIntact, row?.why], [false, why]);
        });
      }
    });
  });
