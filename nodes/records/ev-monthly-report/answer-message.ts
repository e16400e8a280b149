import { contentDisposition } from "../../../lib/records/tables/file-name.ts";
import type { ReportAnswer } from "../../../lib/records/report/monthly-report.ts";
import type { ReportFormat } from "../../../lib/records/report/report-request.ts";
import type { NodeMessage } from "../../shared/node-red.d.ts";

const CONTENT: Readonly<Record<Exclude<ReportFormat, "report">, readonly [type: string, ending: string]>> = {
  html: ["text/html; charset=utf-8", "report.html"],
  csv: ["text/csv; charset=utf-8", "report.csv"],
  summary: ["text/plain; charset=us-ascii", "h2vmgr-sum.txt"],
};

/** The answer in the message that asked; behind an `http response` node a text becomes a download. */
export function answerMessage(message: NodeMessage, answer: ReportAnswer, format: ReportFormat): NodeMessage {
  const { month, year, html, csv, summary, files, problems, problemCount } = answer;
  const stem = month?.month ?? year.year;
  const texts = { html, csv: csv ?? "", summary: summary ?? "" };
  const content = format === "report" ? {} : download(stem, format);
  return Object.assign(message, {
    topic: stem,
    payload: format === "report" ? (month ?? year) : texts[format],
    year,
    ...texts,
    files,
    problems,
    problemCount,
    ...content,
  });
}

function download(stem: string, format: Exclude<ReportFormat, "report">): Partial<NodeMessage> {
  const [type, ending] = CONTENT[format];
  const fileName = format === "summary" ? `${stem.replace("-", "")}${ending}` : `${stem}-${ending}`;
  const disposition = contentDisposition(fileName);
  return {
    fileName,
    // a page is for looking at, the others are for keeping
    headers: {
      "content-type": type,
      "content-disposition": format === "html" ? disposition.replace(/^attachment/, "inline") : disposition,
    },
  };
}
