import { z } from "zod";
import { EvError } from "../../model/errors.ts";
import { addMonths, isMonthName, type MonthName } from "./month.ts";
import type { ReportLanguage } from "./report-texts.ts";

export const reportFormats = ["report", "html", "csv", "summary"] as const;
export type ReportFormat = (typeof reportFormats)[number];

/**
 * When a summary block is added to its file: unless one of that month stands there, unless the very same one stands there
 * last, or in any case.
 */
export type SummaryRule = "once" | "unless-same" | "again";

/** What a message asks for. */
export interface ReportRequest {
  /** `YYYY-MM`; null = the yearly sheet only */
  readonly month: MonthName | null;
  /** `YYYY` */
  readonly year: string;
  readonly format: ReportFormat;
  readonly language: ReportLanguage | null;
  /** 0 to 1; null = as set */
  readonly businessRatio: number | null;
  /** the month's electricity bill: its kWh price is the bill by the house's kWh; null = by tariff */
  readonly bill: number | null;
  /** into the folder too; null = as set */
  readonly isWritten: boolean | null;
  readonly summaryRule: SummaryRule;
}

const MONTH_TEXT = /^(\d{4})[-/]?(\d{2})$/;

const requestSchema = z.object({
  month: z.string().max(20).optional(),
  year: z.union([z.string().regex(/^\d{4}$/), z.int().min(1970).max(9999)]).optional(),
  format: z.enum(reportFormats).default("report"),
  language: z.enum(["ja", "en"]).optional(),
  businessPercent: z.number().min(0).max(100).optional(),
  bill: z.number().min(0).max(1e9).optional(),
  write: z.boolean().optional(),
  again: z.boolean().default(false),
});

/**
 * Reads `msg.payload`: `"2025-01"` (also `2025/01`, `202501`), an object, or anything else for the month before this one.
 *
 * @param thisMonth `YYYY-MM`, local
 * @throws EvError `bad-command`
 */
export function readReportRequest(payload: unknown, thisMonth: MonthName): ReportRequest {
  const asked = typeof payload === "string" && payload.trim() !== "" ? { month: payload } : payload;
  const isAsked = typeof asked === "object" && asked !== null && !Array.isArray(asked);
  const parsed = requestSchema.safeParse(isAsked ? asked : {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new EvError("bad-command", `"${issue?.path.join(".") ?? ""}" is not understood: ${issue?.message ?? ""}.`);
  }
  const { month, year, format, language, businessPercent, bill, write, again } = parsed.data;
  const named = month === undefined ? (year === undefined ? addMonths(thisMonth, -1) : null) : readMonth(month);
  return {
    month: named,
    year: year === undefined ? (named ?? thisMonth).slice(0, 4) : String(year),
    format,
    language: language ?? null,
    businessRatio: businessPercent === undefined ? null : businessPercent / 100,
    bill: bill ?? null,
    isWritten: write ?? null,
    summaryRule: again ? "again" : "once",
  };
}

function readMonth(text: string): MonthName {
  const [, year, month] = MONTH_TEXT.exec(text.trim()) ?? [];
  const name = `${year}-${month}`;
  if (!isMonthName(name))
    throw new EvError("bad-command", `"${text.slice(0, 20)}" is no month: write such as 2025-01.`);
  return name;
}
