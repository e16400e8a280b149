import type { CsvProblem } from "../h2v-files/h2v-csv.ts";
import { decimalsOf, type MonthReport, type YearReport } from "./month-report.ts";
import { reportTexts, type ReportLanguage, type ReportTexts } from "./report-texts.ts";

export interface PageContent {
  readonly month: MonthReport | null;
  readonly year: YearReport;
  /** who hands the sheet in */
  readonly owner: string;
  readonly problems: readonly CsvProblem[];
  readonly problemCount: number;
}

const SHOWN_PROBLEMS = 30;

/** The printable page: month, days and yearly sheet on A4. It loads nothing from anywhere. */
export function drawReportPage(content: PageContent, language: ReportLanguage): string {
  const texts = reportTexts[language];
  const { month, year } = content;
  const title = month === null ? texts.yearTitle(year.year) : texts.title(month.month);
  return `<!DOCTYPE html>
<html lang="${texts.lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${month === null ? "" : drawMonth(month, content, texts)}
${drawYear(year, content.owner, texts)}
</main>
</body>
</html>
`;
}

function drawMonth(month: MonthReport, content: PageContent, texts: ReportTexts): string {
  const { currency } = month;
  const facts: readonly (readonly [string, string])[] = [
    ...(content.owner === "" ? [] : [[texts.owner, content.owner] as const]),
    ...(month.device === "" ? [] : [[texts.device, month.device] as const]),
    [texts.houseKwh, kwh(month.houseKwh)],
    [texts.carKwh, kwh(month.carKwh)],
    [texts.houseCost, cost(month.houseCost, currency, texts)],
    [texts.carCost, cost(month.carCost, currency, texts)],
    [texts.price, month.carPricePerKwh === null ? "–" : price(month.carPricePerKwh, currency, texts)],
    [texts.ratio, percent(month.businessRatio)],
    [texts.businessKwh, kwh(month.businessKwh)],
    [texts.businessAmount, cost(month.businessAmount, currency, texts)],
    [texts.recorded, `${whole(month.recordedMinutes)} ${texts.minutes}`],
    [texts.lost, `${whole(month.lostMinutes)} ${texts.minutes}`],
  ];
  const lines = month.days.map((day) => [
    day.date,
    kwh(day.houseWh / 1000),
    kwh(day.carWh / 1000),
    cost(day.carCost, currency, texts),
    whole(day.lostMinutes),
    day.counterWh === null ? "–" : kwh(day.counterWh / 1000),
    day.missedWh === null ? "–" : kwh(day.missedWh / 1000),
  ]);
  const total = [
    texts.total,
    kwh(month.houseKwh),
    kwh(month.carKwh),
    cost(month.carCost, currency, texts),
    whole(month.lostMinutes),
    "",
    "",
  ];
  const { short } = texts;
  const titles = [texts.day, short.house, short.car, short.cost, short.lost, texts.counter, texts.missed];
  return `<section>
<h1>${escapeHtml(texts.title(month.month))}</h1>
<dl>${facts.map(([name, fact]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(fact)}</dd></div>`).join("\n")}</dl>
<h2>${escapeHtml(texts.check)}</h2>
<p>${escapeHtml(checkSentence(month, texts))}</p>
${drawProblems(content, texts)}
<h2>${escapeHtml(texts.days)}</h2>
${drawTable(titles, lines, total)}
</section>`;
}

function checkSentence({ crossCheck }: MonthReport, texts: ReportTexts): string {
  const { days, counterKwh, recordedKwh, missedKwh } = crossCheck;
  return days === 0 ? texts.noCheck : texts.checkText(days, kwh(counterKwh), kwh(recordedKwh), kwh(missedKwh));
}

function drawProblems({ problems, problemCount }: PageContent, texts: ReportTexts): string {
  if (problemCount === 0) return "";
  const shown = problems
    .slice(0, SHOWN_PROBLEMS)
    .map(({ file, line, code }) => texts.problemLine(file, line, texts.problem[code]));
  if (problemCount > shown.length) shown.push(texts.moreProblems(problemCount - shown.length));
  return `<h2>${escapeHtml(texts.problems)}</h2>
<ul>${shown.map((text) => `<li>${escapeHtml(text)}</li>`).join("\n")}</ul>`;
}

function drawYear(year: YearReport, owner: string, texts: ReportTexts): string {
  const { currency } = year;
  const lines = year.months.map((month, index) => {
    const name = `${year.year}-${String(index + 1).padStart(2, "0")}`;
    if (month === null) return [name, "–", "–", "–", "–", "–", "–"];
    return [
      name,
      kwh(month.carKwh),
      month.carPricePerKwh === null ? "–" : price(month.carPricePerKwh, currency, texts),
      cost(month.carCost, currency, texts),
      percent(month.businessRatio),
      cost(month.businessAmount, currency, texts),
      whole(month.lostMinutes),
    ];
  });
  const total = [
    texts.total,
    kwh(year.carKwh),
    "",
    cost(year.carCost, currency, texts),
    "",
    cost(year.businessAmount, currency, texts),
    whole(year.lostMinutes),
  ];
  const { short } = texts;
  const titles = [texts.month, short.car, short.price, short.cost, texts.ratio, short.amount, short.lost];
  return `<section class="year">
<h1>${escapeHtml(texts.yearTitle(year.year))}</h1>
${owner === "" ? "" : `<p>${escapeHtml(texts.owner)}: ${escapeHtml(owner)}</p>`}
${drawTable(titles, lines, total)}
<p class="note">${escapeHtml(texts.note)}</p>
</section>`;
}

function drawTable(titles: readonly string[], lines: readonly (readonly string[])[], total: readonly string[]): string {
  const row = (cells: readonly string[]): string =>
    `<tr>${cells.map((cell, at) => (at === 0 ? `<th scope="row">${escapeHtml(cell)}</th>` : `<td>${escapeHtml(cell)}</td>`)).join("")}</tr>`;
  return `<table>
<thead><tr>${titles.map((title) => `<th scope="col">${escapeHtml(title)}</th>`).join("")}</tr></thead>
<tbody>
${lines.map(row).join("\n")}
</tbody>
<tfoot>${row(total)}</tfoot>
</table>`;
}

const kwh = (amount: number): string => amount.toFixed(3).replace(/^-(?=0\.000$)/, "");
const whole = (amount: number): string => String(Math.round(amount));
const percent = (ratio: number): string => `${Number((ratio * 100).toFixed(2))} %`;

const price = (amount: number, currency: string, texts: ReportTexts): string =>
  money(amount, currency, texts, decimalsOf(currency) + 2);
const cost = (amount: number | null, currency: string, texts: ReportTexts): string =>
  amount === null ? texts.noPrice : money(amount, currency, texts, decimalsOf(currency));

function money(amount: number, currency: string, { lang }: ReportTexts, decimals: number): string {
  const text = amount
    .toFixed(decimals)
    .replace(/\B(?=(\d{3})+(?!\d))/g, (_, __, at: number, all: string) =>
      all.includes(".") && at > all.indexOf(".") ? "" : ",",
    );
  if (currency !== "JPY") return `${text} ${currency}`;
  return lang === "ja" ? `${text}円` : `¥${text}`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (sign) => ESCAPES[sign] ?? "");

const STYLE = `
@page { size: A4; margin: 14mm; }
body { margin: 0; background: #f2f2ef; color: #1a1a1a; font: 15px/1.5 system-ui, "Hiragino Sans", "Noto Sans CJK JP", "Yu Gothic", sans-serif; }
main { max-width: 190mm; margin: 0 auto; padding: 16px; background: #fff; }
h1 { font-size: 1.35em; margin: 0 0 12px; border-bottom: 2px solid #1a1a1a; padding-bottom: 6px; }
h2 { font-size: 1.05em; margin: 20px 0 6px; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); gap: 0 24px; margin: 0; }
dl div { display: flex; justify-content: space-between; gap: 12px; border-bottom: 1px solid #c8c8c8; padding: 3px 0; }
dt { color: #444; }
dd { margin: 0; font-variant-numeric: tabular-nums; font-weight: 600; text-align: right; }
table { width: 100%; border-collapse: collapse; font-size: .86em; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid #d5d5d5; padding: 2px 5px; text-align: right; }
th:first-child { text-align: left; }
th { font-weight: 600; word-break: keep-all; }
tbody th { font-weight: 400; white-space: nowrap; }
tfoot th, tfoot td { border-top: 2px solid #1a1a1a; font-weight: 700; }
ul { margin: 0; padding-left: 1.3em; }
section.year { margin-top: 40px; }
.note { font-size: .86em; color: #444; }
@media print { body { background: #fff; font-size: 9pt; line-height: 1.35; } main { max-width: none; padding: 0; } section.year { break-before: page; margin: 0; } main > section.year:first-child { break-before: auto; } tr { break-inside: avoid; } }
`;
