import { z } from "zod";
import { EvError } from "../../model/errors.ts";
import { addMonths, isMonthName, type MonthName } from "./month.ts";
import type { MonthlyReport, ReportAnswer } from "./monthly-report.ts";
import { readReportRequest } from "./report-request.ts";

/*
 * Which months are reported without being asked for. The clock alone cannot tell that a month is over: it may be ahead, or
 * be set back. And a gateway that stopped on the 15th looks the same as a clock that is half a month ahead. So each report
 * is remembered with the number of minutes that it covered: a month that has more of them later was reported too early, and
 * comes again as a correction. Nothing needs to be guessed, and nothing comes twice while its minutes are the same.
 */

/**
 * Why a report comes: the month is over; it has more minutes than when it was reported; or the process ended while it was
 * being sent, so that nobody knows whether it came.
 */
export type ReportOccasion = "due" | "correction" | "repeat";

export interface DueReportsOptions {
  readonly report: Pick<MonthlyReport, "answer" | "dueMonth" | "countMinutes">;
  /** What `remember` was given last, in this process or an earlier one. */
  readonly recall: () => Promise<unknown>;
  /** Resolves when it is safe. */
  readonly remember: (kept: string) => Promise<void>;
  readonly onReport: (answer: ReportAnswer, occasion: ReportOccasion) => void;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
}

export interface DueReports {
  /** To be called every minute, one call after the other. @throws EvError why a report failed; it is tried at the next look */
  look(): Promise<void>;
}

/** Months that are looked at, so that a long pause brings no flood. */
const WINDOW_MONTHS = 12;
/** Three years: more than any clock is set back. */
const REMEMBERED = 36;
/** Minutes may come late: from a folder on another machine, or when the disk was full. */
const LOOK_AGAIN_MS = 3_600_000;
/** A machine without a clock of its own begins in 1970. */
const EARLIEST_MONTH = "2000-01";

const monthSchema = z.string().refine(isMonthName);
const keptSchema = z.object({
  /** earlier months are none of this node's business */
  since: monthSchema,
  reported: z.array(z.object({ month: monthSchema, minutes: z.number() })).max(REMEMBERED),
  /** written before a report is sent, taken back afterwards */
  sending: monthSchema.nullable(),
});
type Kept = z.output<typeof keptSchema>;

/** Reports each month that is over, once. */
export function createDueReports(options: DueReportsOptions): DueReports {
  const { report, signal } = options;
  /** months are counted again only when there is a reason: at the start, and when the month changes */
  let countedFor: MonthName | null = null;
  let lookedMs = Number.NEGATIVE_INFINITY;

  async function send(kept: Kept, month: MonthName, occasion: ReportOccasion): Promise<Kept> {
    const request = { ...readReportRequest(month, month), summaryRule: "unless-same" as const };
    const answer = await answerIfRecorded(report, request);
    if (answer === null || signal.aborted) return kept;
    await options.remember(JSON.stringify({ ...kept, sending: month }));
    if (signal.aborted) return kept;
    options.onReport(answer, occasion);
    const next = withReported({ ...kept, sending: null }, month, answer.month?.recordedMinutes ?? 0);
    await options.remember(JSON.stringify(next));
    return next;
  }

  /** A month that was reported, looked at again. */
  async function recount(kept: Kept, { month, minutes }: Kept["reported"][number]): Promise<Kept> {
    return (await report.countMinutes(month)) > minutes ? send(kept, month, "correction") : kept;
  }

  return {
    async look() {
      const due = report.dueMonth();
      if (due < EARLIEST_MONTH) return;
      const isChanged = due !== countedFor;
      const sinceLookMs = options.nowMs() - lookedMs;
      if (!isChanged && sinceLookMs >= 0 && sinceLookMs < LOOK_AGAIN_MS) return;
      let kept = begin(await options.recall(), due);
      if (kept.sending !== null) kept = await send(kept, kept.sending, "repeat");
      for (const month of monthsOf(kept, due)) {
        if (signal.aborted) return;
        const entry = kept.reported.find((reported) => reported.month === month);
        if (entry === undefined) kept = await send(kept, month, "due");
        else if (isChanged) kept = await recount(kept, entry);
      }
      if (signal.aborted) return;
      await options.remember(JSON.stringify(kept));
      countedFor = due;
      lookedMs = options.nowMs();
    },
  };
}

/** Oldest first. */
function monthsOf({ since }: Kept, due: MonthName): MonthName[] {
  return Array.from({ length: WINDOW_MONTHS }, (_, at) => addMonths(due, at + 1 - WINDOW_MONTHS)).filter(
    (month) => month >= since,
  );
}

function withReported(kept: Kept, month: MonthName, minutes: number): Kept {
  const others = kept.reported.filter((entry) => entry.month !== month);
  return { ...kept, reported: [...others, { month, minutes }].slice(-REMEMBERED) };
}

function begin(recalled: unknown, due: MonthName): Kept {
  const kept = readKept(recalled) ?? { since: due, reported: [], sending: null };
  // a clock that was ahead at the very first look must not keep the node silent until then
  return due < kept.since && kept.reported.length === 0 ? { ...kept, since: due } : kept;
}

/** null for what nobody has kept. */
function readKept(recalled: unknown): Kept | null {
  if (typeof recalled !== "string") return null;
  try {
    return keptSchema.parse(JSON.parse(recalled));
  } catch {
    return null;
  }
}

/** A month of which nothing is known is no failure when nobody asked for it. */
async function answerIfRecorded(
  report: Pick<MonthlyReport, "answer">,
  request: Parameters<MonthlyReport["answer"]>[0],
): Promise<ReportAnswer | null> {
  try {
    return await report.answer(request);
  } catch (thrown) {
    if (thrown instanceof EvError && thrown.code === "out-of-range") return null;
    throw thrown;
  }
}
