import type { SiteSettings } from "../../../lib/planning/control/site.ts";
import type { ReportAnswer } from "../../../lib/records/report/monthly-report.ts";
import type { ReportRequest } from "../../../lib/records/report/report-request.ts";
import type { Store } from "../../../lib/records/store/store.ts";
import { defineNode, type RunningNode } from "../../shared/define-node.ts";
import type { NodeContext } from "../../shared/node-context.ts";
import type { NodeRed } from "../../shared/node-red.d.ts";
import { answerMessage } from "./answer-message.ts";

/** Month and year of house and car, cost and business share, as record, page and files; on the first by itself. */
export default function register(RED: NodeRed): void {
  const userDirectory = typeof RED.settings.userDir === "string" ? RED.settings.userDir : process.cwd();
  defineNode({ type: "ev-monthly-report", start: (context) => start(context, userDirectory) })(RED);
}

const LOOK_MS = 60_000;

async function start(context: NodeContext, userDirectory: string): Promise<RunningNode> {
  const { readReportSettings } = await import("./report-settings.ts");
  const { createMonthlyReport } = await import("../../../lib/records/report/monthly-report.ts");
  const { readReportRequest } = await import("../../../lib/records/report/report-request.ts");
  const { createDueReports } = await import("../../../lib/records/report/due-reports.ts");
  const { fileMemory, storeMemory } = await import("../../../lib/records/report/report-memory.ts");
  const { localMonth } = await import("../../../lib/model/local-time.ts");
  const { isAutomatic, memoryFile, ...settings } = readReportSettings(context, await findHouse(context), userDirectory);
  const store = settings.from === "store" ? await context.use<Store>(context.config.store, "ev-store") : null;
  const source =
    store === null ? { kind: "folder" as const, folder: settings.sourceFolder } : { kind: "store" as const, store };
  const report = createMonthlyReport({ ...settings, source, clock: context.clock, signal: context.signal });
  const memory = store === null ? fileMemory(memoryFile) : storeMemory(store, `monthly-report/${context.id}`);
  /** One after the other: two runs must not write the same file. */
  let latest: Promise<unknown> = Promise.resolve();

  function answer(request: ReportRequest): Promise<ReportAnswer> {
    const next = latest.catch(() => {}).then(() => report.answer(request));
    latest = next;
    return next;
  }

  const due = createDueReports({
    report: { ...report, answer },
    recall: () => memory.recall(),
    remember: (kept) => memory.remember(kept),
    onReport(answered, occasion) {
      context.recovered();
      show(context, answered);
      context.send({ ...answerMessage({}, answered, "report"), occasion });
    },
    nowMs: () => context.clock.nowMs(),
    signal: context.signal,
  });
  let isLooking = false;
  async function look(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    try {
      await due.look();
    } finally {
      isLooking = false;
    }
  }

  if (isAutomatic) {
    context.after(0, look);
    context.every(LOOK_MS, look);
  }
  context.status("off", context.t("ev-monthly-report.status.waiting"));
  return {
    async input(message, send) {
      const request = readReportRequest(message.payload, localMonth(context.clock.nowMs(), settings.zone));
      const answered = await answer(request);
      context.recovered();
      show(context, answered);
      send(answerMessage(message, answered, request.format));
    },
  };
}

function show(context: NodeContext, { month, year, problemCount }: ReportAnswer): void {
  const { carKwh } = month ?? year;
  const params = { month: month?.month ?? year.year, kwh: carKwh.toFixed(1) };
  context.status(problemCount > 0 ? "waiting" : "live", context.t("ev-monthly-report.status.done", params));
}

async function findHouse(context: NodeContext): Promise<SiteSettings | null> {
  const { site } = context.config;
  if (typeof site !== "string" || site === "") return null;
  return (await context.use<{ readonly settings: SiteSettings }>(site, "ev-site")).settings;
}
