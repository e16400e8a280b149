import { writeSync } from "node:fs";
import { createManualClock } from "../../../../lib/model/clock.ts";
import { createDueReports } from "../../../../lib/records/report/due-reports.ts";
import { createMonthlyReport, type MonthlyReport } from "../../../../lib/records/report/monthly-report.ts";
import { fileMemory } from "../../../../lib/records/report/report-memory.ts";

/*
 * Looks once which months are due and tells what it reports. As a process it is there to be killed: it ends itself with
 * `kill -9` at the step it was given.
 */

export async function lookOnce(
  { folder, memoryPath, time }: { readonly folder: string; readonly memoryPath: string; readonly time: string },
  tell: (line: string) => void,
  pass: () => void = () => {},
): Promise<void> {
  const clock = createManualClock(Date.parse(time));
  const report = createMonthlyReport({
    source: { kind: "folder", folder },
    device: "H2V",
    zone: "Asia/Tokyo",
    currency: "JPY",
    language: "ja",
    businessRatio: 0.5,
    prices: [],
    owner: "",
    folder,
    writesFiles: true,
    isSummaryDoubled: false,
    clock,
  });
  const memory = fileMemory(memoryPath);
  const answer: MonthlyReport["answer"] = async (request) => {
    const answered = await report.answer(request);
    pass();
    return answered;
  };
  await createDueReports({
    report: { ...report, answer },
    recall: () => memory.recall(),
    async remember(kept) {
      await memory.remember(kept);
      pass();
    },
    onReport({ month }, occasion) {
      tell(`${month?.month} ${occasion} ${month?.recordedMinutes}`);
      pass();
    },
    nowMs: () => clock.nowMs(),
    signal: new AbortController().signal,
  }).look();
}

if (process.argv[1] === import.meta.filename) {
  const [, , folder = "", memoryPath = "", time = "", killStep = ""] = process.argv;
  const tell = (line: string): void => void writeSync(1, `${line}\n`);
  let step = 0;
  tell("ready");
  await lookOnce({ folder, memoryPath, time }, tell, () => {
    step += 1;
    if (step === Number(killStep)) process.kill(process.pid, "SIGKILL");
  });
  tell("looked");
}
