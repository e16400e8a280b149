import type { Kysely } from "kysely";
import { EvError } from "../../../model/errors.ts";
import type { Session } from "../../../model/session.ts";
import type { Delivery } from "../file/commit-change.ts";
import type { Server } from "./server.ts";
import { isDuplicate } from "./server-errors.ts";
import { upsert } from "./server-upsert.ts";
import { sessionRow } from "../session-row.ts";
import type { ReadingsTable, SessionRevisionsTable, Tables } from "../tables.ts";

/*
 * Bringing to a server what waited, so that it may be brought again: a connection may break after the server has committed and
 * before we know.
 */

/** The server has another revision in the place of ours: somebody else writes there, or our file is new. */
export class ChainConflict extends EvError {
  constructor() {
    super("refused", "The database has other revisions of the same sessions.");
  }
}

/** What the outbox holds, read. */
export type Parcel =
  | { readonly kind: "change"; readonly delivery: Delivery }
  | { readonly kind: "readings"; readonly rows: readonly ReadingsTable[] };

/** @throws ChainConflict, EvError; nothing is changed then */
export async function applyParcels({ writer, flavour }: Server, parcels: readonly Parcel[]): Promise<void> {
  await writer.transaction().execute(async (db) => {
    for (const parcel of parcels) {
      if (parcel.kind === "readings") {
        await upsert(db, flavour, "readings", latestOfKey(parcel.rows), ["device", "channel", "at_ms"]);
      } else await applyDelivery(db, flavour, parcel.delivery);
    }
  });
}

/** PostgreSQL refuses one statement that touches a row twice. */
function latestOfKey(rows: readonly ReadingsTable[]): ReadingsTable[] {
  return [...new Map(rows.map((row) => [`${row.channel} ${row.at_ms} ${row.device}`, row])).values()];
}

async function applyDelivery(db: Kysely<Tables>, flavour: Server["flavour"], delivery: Delivery): Promise<void> {
  for (const row of delivery.revisions) await applyRevision(db, flavour, row);
  await upsert(db, flavour, "tariffs", latestOfId(delivery.tariffs), ["id"]);
  await upsert(db, flavour, "payments", latestOfId(delivery.payments), ["id"]);
  if (delivery.removedPaymentIds.length > 0) {
    await db
      .deleteFrom("payments")
      .where("id", "in", [...delivery.removedPaymentIds])
      .execute();
  }
  if (delivery.removedTariffIds.length > 0) {
    await db
      .deleteFrom("tariffs")
      .where("id", "in", [...delivery.removedTariffIds])
      .execute();
  }
}

const latestOfId = <Row extends { readonly id: string }>(rows: readonly Row[]): Row[] => [
  ...new Map(rows.map((row) => [row.id, row])).values(),
];

async function applyRevision(
  db: Kysely<Tables>,
  flavour: Server["flavour"],
  row: SessionRevisionsTable,
): Promise<void> {
  const there = await db
    .selectFrom("session_revisions")
    .select("hash")
    .where((is) =>
      is.or([
        is.and({ session_id: row.session_id, revision: row.revision }),
        is.and({ device: row.device, chain_index: row.chain_index }),
      ]),
    )
    .execute();
  if (there.some(({ hash }) => hash !== row.hash)) throw new ChainConflict();
  // the whole transaction went through the last time
  if (there.length > 0) return;
  try {
    await db.insertInto("session_revisions").values(row).execute();
  } catch (thrown) {
    // another program was faster by a moment
    throw isDuplicate(thrown) ? new ChainConflict() : thrown;
  }
  if (row.reason === "deleted") await db.deleteFrom("sessions").where("session_id", "=", row.session_id).execute();
  else await upsert(db, flavour, "sessions", [sessionRow(JSON.parse(row.record) as Session)], ["session_id"]);
}
