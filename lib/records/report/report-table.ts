import { csvOfTable, type Table } from "../tables/table.ts";
import type { MonthReport } from "./month-report.ts";
import { reportTexts, type ReportLanguage } from "./report-texts.ts";

/** The days of a month as a CSV file that opens in Excel. */
export function monthCsv(month: MonthReport, language: ReportLanguage): Promise<string> {
  const texts = reportTexts[language];
  const titles = [
    texts.day,
    texts.houseKwh,
    texts.carKwh,
    `${texts.houseCost} (${month.currency})`,
    `${texts.carCost} (${month.currency})`,
    texts.recorded,
    texts.lost,
    texts.counter,
    texts.missed,
  ];
  const table: Table = {
    title: texts.title(month.month),
    columns: titles.map((title, at) => ({ title, kind: at === 0 ? "day" : "number" })),
    rows: month.days.map((day) => [
      day.date,
      day.houseWh / 1000,
      day.carWh / 1000,
      day.houseCost,
      day.carCost,
      day.recordedMinutes,
      day.lostMinutes,
      day.counterWh === null ? null : day.counterWh / 1000,
      day.missedWh === null ? null : day.missedWh / 1000,
    ]),
    totals: [
      [
        texts.total,
        month.houseKwh,
        month.carKwh,
        month.houseCost,
        month.carCost,
        month.recordedMinutes,
        month.lostMinutes,
        null,
        null,
      ],
    ],
  };
  return csvOfTable(table, { separator: ",", decimalSign: ".", bom: true });
}
