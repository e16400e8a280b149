/*
 * The month summary of 44,640 rows beside a straightforward Python script that does the same (csv module, two sums), process
 * start included and within a running process; and the gateway's page, decoded and parsed. Python counts nothing else; ours
 * also finds duplicates, days, costs and what is wrong with a line. The process that is started runs what users run, dist/.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readMinute } from "../lib/devices/h2v/minute.ts";
import { parsePage } from "../lib/devices/h2v/wire.ts";
import { readCsvMonth } from "../lib/records/report/csv-month.ts";
import { summaryBlock } from "../lib/records/report/summary-file.ts";
import { priceMonth } from "../lib/records/report/tariff.ts";
import { startH2vGateway } from "../simulators/h2v.ts";

const RUNS = Number(process.env.EV_BENCH_RUNS ?? 15);
const HEADER =
  '"最新電力情報の時刻","本日","昨日","平均","最大","車充電","ピークカット状態","PCC接続状態","TSC接続状態","充電開始時刻(nooffset)"';

const PYTHON = `
import csv, sys, time
def run(path):
    used = 0
    charged = 0
    rows = 0
    with open(path, encoding="utf-8") as f:
        reader = csv.reader(f)
        next(reader)
        for row in reader:
            used += int(row[3])
            charged += int(row[5])
            rows += 1
    return "Sumary of the 2025/01\\nTotal used power(Kwh) : {:8g}\\nTotal charged power(Kwh) : {}\\nLost {}/ Recorded {} minutes(31days)\\n\\n".format(used / 60000, charged / 60000, 31 * 1440 - rows, rows)
if len(sys.argv) > 2:
    run(sys.argv[1])
    times = []
    for _ in range(int(sys.argv[2])):
        began = time.perf_counter()
        run(sys.argv[1])
        times.append((time.perf_counter() - began) * 1000)
    print(sorted(times)[len(times) // 2])
else:
    sys.stdout.write(run(sys.argv[1]))
`;
const OURS = `
import { readCsvMonth } from ${JSON.stringify(new URL("../dist/js/lib/records/report/csv-month.js", import.meta.url).href)};
import { summaryBlock } from ${JSON.stringify(new URL("../dist/js/lib/records/report/summary-file.js", import.meta.url).href)};
const month = await readCsvMonth(process.argv[2], "2025-01", () => 30);
process.stdout.write(summaryBlock("2025-01", month.original));
`;

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;

async function measure(run: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < RUNS; count++) {
    const beganMs = performance.now();
    await run();
    times.push(performance.now() - beganMs);
  }
  return median(times);
}

function writeMonth(path: string): void {
  const lines = [HEADER];
  for (let minute = 0; minute < 44_640; minute++) {
    const at = new Date(Date.UTC(2025, 0, 1) + minute * 60_000).toISOString();
    const time = `${at.slice(0, 10).replaceAll("-", "/")} ${at.slice(11, 16)}`;
    lines.push(
      `"${time}",${minute % 20_000},22436,${300 + ((minute * 37) % 900)},1249,${minute % 7 === 0 ? 2400 : 2},0,-64,4,"1970/01/01 09:00"`,
    );
  }
  writeFileSync(path, `${lines.join("\n")}\n`);
}

const folder = mkdtempSync(join(tmpdir(), "ev-bench-"));
try {
  const csv = join(folder, "202501h2vmgr-rawd.csv");
  writeMonth(csv);
  const python = join(folder, "sum.py");
  const ours = join(folder, "sum.mjs");
  writeFileSync(python, PYTHON);
  writeFileSync(ours, OURS);
  const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, "cache") };
  const runPython = (): string => execFileSync("python3", [python, csv], { encoding: "utf8" });
  const runOurs = (): string => execFileSync(process.execPath, [ours, folder], { encoding: "utf8", env });
  if (runPython() !== runOurs()) throw new Error("Python and we do not say the same");

  const pythonMs = await measure(runPython);
  const oursMs = await measure(runOurs);
  console.log(
    `month of 44,640 rows, process start included: Python ${pythonMs.toFixed(0)} ms, ours ${oursMs.toFixed(0)} ms, ratio ${(pythonMs / oursMs).toFixed(2)}`,
  );

  const prices = priceMonth("2025-01", [{ validFrom: null, pricePerKwh: 30, windows: [] }]);
  const summarise = async (): Promise<void> => {
    const month = await readCsvMonth(folder, "2025-01", prices);
    if (month !== null) summaryBlock("2025-01", month.original);
  };
  await measure(summarise);
  const insideMs = await measure(summarise);
  const pythonInsideMs = Number(execFileSync("python3", [python, csv, String(RUNS)], { encoding: "utf8" }));
  console.log(
    `within a running process: Python ${pythonInsideMs.toFixed(1)} ms, ours ${insideMs.toFixed(1)} ms, ratio ${(pythonInsideMs / insideMs).toFixed(2)}`,
  );

  const gateway = await startH2vGateway({ home: () => ({ meanW: 817, peakW: 849, carW: 2 }) });
  const page = gateway.page();
  await gateway.stop();
  const read = (): void => void readMinute(parsePage(page), { device: "h2v", offsetMs: 32_400_000 }, Date.now());
  for (let warm = 0; warm < 300; warm++) read();
  const beganMs = performance.now();
  for (let count = 0; count < 2000; count++) read();
  console.log(
    `page of ${page.length} bytes, decoded and parsed: ${((performance.now() - beganMs) / 2000).toFixed(3)} ms`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
