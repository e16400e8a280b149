import type { SiteSettings } from "../../../lib/planning/control/site.ts";
import type { CsvDesk } from "../../../lib/records/reading-log/csv-desk.ts";
import type { Store } from "../../../lib/records/store/store.ts";
import { EvError } from "../../../lib/model/errors.ts";
import { defineNode, type RunningNode } from "../../shared/define-node.ts";
import type { NodeContext } from "../../shared/node-context.ts";
import type { NodeRed } from "../../shared/node-red.d.ts";
import type { LogSettings } from "./reading-log-settings.ts";

/** Readings in; the energy of every minute into the store, and into monthly files where wanted. */
export default function register(RED: NodeRed): void {
  const userDirectory = typeof RED.settings.userDir === "string" ? RED.settings.userDir : process.cwd();
  defineNode({ type: "ev-reading-log", start: (context) => start(context, userDirectory) })(RED);
}

const TICK_MS = 15_000;

async function start(context: NodeContext, userDirectory: string): Promise<RunningNode> {
  const { readLogSettings } = await import("./reading-log-settings.ts");
  const { startReadingLog } = await import("../../../lib/records/reading-log/reading-log.ts");
  const { isoInZone } = await import("../../../lib/model/local-time.ts");
  const settings = readLogSettings(context.config, await findZone(context), userDirectory);
  const { store: storeId } = context.config;
  const hasStore = typeof storeId === "string" && storeId !== "";
  if (!hasStore && settings.csv === null) {
    throw new EvError("config", "Open the node and choose a store, or tick the monthly files, or both.");
  }
  const log = await startReadingLog({
    id: context.id,
    zone: settings.zone,
    store: hasStore ? await context.use<Store>(storeId, "ev-store") : null,
    csv: settings.csv === null ? null : await openDesk(context, settings.csv),
    clock: context.clock,
    logger: context.logger,
    onTrouble: (error) => context.fault(error),
    onWritten({ endMs, gapMinutes }) {
      context.recovered();
      const time = isoInZone(endMs - 60_000, settings.zone).slice(11, 16);
      if (gapMinutes === 0) context.status("live", context.t("ev-reading-log.status.logged", { time }));
      else context.status("waiting", context.t("ev-reading-log.status.gap", { minutes: gapMinutes }));
    },
  });
  context.every(TICK_MS, () => log.tick());
  context.status("waiting", context.t("ev-reading-log.status.waiting"));
  return { input: ({ payload }) => log.take(payload), close: () => log.close() };
}

async function openDesk(context: NodeContext, csv: NonNullable<LogSettings["csv"]>): Promise<CsvDesk> {
  const { openCsvFolder } = await import("../../../lib/records/h2v-files/csv-folder.ts");
  const { createCsvDesk } = await import("../../../lib/records/reading-log/csv-desk.ts");
  const onTorn = (file: string): void => context.logger.warn(context.t("ev-reading-log.log.torn", { file }));
  return createCsvDesk(openCsvFolder({ ...csv, onTorn }), csv.layout);
}

async function findZone(context: NodeContext): Promise<string | null> {
  const { site } = context.config;
  if (typeof site !== "string" || site === "") return null;
  return (await context.use<{ readonly settings: SiteSettings }>(site, "ev-site")).settings.zone;
}
