import type { CsvProblemCode } from "../h2v-files/h2v-csv.ts";

/** The report's words. They belong to the paper, not to the editor, so that one report can speak both languages. */
export interface ReportTexts {
  readonly lang: "ja" | "en";
  readonly title: (month: string) => string;
  readonly yearTitle: (year: string) => string;
  readonly device: string;
  readonly period: string;
  readonly houseKwh: string;
  readonly carKwh: string;
  readonly houseCost: string;
  readonly carCost: string;
  readonly price: string;
  readonly ratio: string;
  readonly businessKwh: string;
  readonly businessAmount: string;
  readonly recorded: string;
  readonly lost: string;
  readonly minutes: string;
  readonly check: string;
  readonly checkText: (days: number, counterKwh: string, recordedKwh: string, missedKwh: string) => string;
  readonly noCheck: string;
  readonly days: string;
  readonly day: string;
  readonly counter: string;
  readonly missed: string;
  readonly month: string;
  readonly total: string;
  readonly problems: string;
  readonly problemLine: (file: string, line: number, what: string) => string;
  readonly moreProblems: (count: number) => string;
  readonly problem: Readonly<Record<CsvProblemCode, string>>;
  readonly noPrice: string;
  readonly note: string;
  readonly owner: string;
  /** titles of narrow columns */
  readonly short: Readonly<Record<"house" | "car" | "cost" | "price" | "amount" | "lost", string>>;
}

const en: ReportTexts = {
  lang: "en",
  title: (month) => `Electricity report ${month}`,
  yearTitle: (year) => `Yearly sheet ${year}: business share of car charging (blue return)`,
  device: "Meter",
  period: "Month",
  houseKwh: "House, kWh",
  carKwh: "Car charging, kWh",
  houseCost: "Cost of the house",
  carCost: "Cost of charging",
  price: "Average price per kWh",
  ratio: "Business share",
  businessKwh: "Business, kWh",
  businessAmount: "Business expense",
  recorded: "Recorded minutes",
  lost: "Lost minutes",
  minutes: "min",
  check: "Check against the gateway's daily counter",
  checkText: (days, counterKwh, recordedKwh, missedKwh) =>
    `Over ${days} days the gateway counted ${counterKwh} kWh for the house; the minutes add up to ${recordedKwh} kWh. ${missedKwh} kWh were not recorded.`,
  noCheck: "The gateway's daily counter is not known for this month.",
  days: "Days",
  day: "Day",
  counter: "Counter, kWh",
  missed: "Not recorded, kWh",
  month: "Month",
  total: "Total",
  problems: "What could not be read",
  problemLine: (file, line, what) => `${file}, line ${line}: ${what}`,
  moreProblems: (count) => `and ${count} more`,
  problem: {
    "short-row": "a column is missing; the line is not counted",
    "second-header": "a second header",
    "no-header": "there is no header",
    "torn-line": "the line ends in the middle",
    "too-long-line": "the line is far too long",
    "not-text": "no text (a power cut while writing?)",
    "empty-line": "an empty line",
    "not-a-minute": "does not begin with a minute",
    "not-a-number": "a figure is no number",
    implausible: "a figure that no house can have; it is not counted",
    "duplicate-minute": "this minute stands there already; it is counted once",
    "other-month": "the minute is of another month; it is not counted",
  },
  noPrice: "not known: enter a price",
  note: "Amounts are kWh × price × business share, rounded down. Keep the electricity bills and the record of how the share was found. This sheet is a calculation, not tax advice.",
  owner: "Name",
  short: {
    house: "House, kWh",
    car: "Car, kWh",
    cost: "Charging cost",
    price: "Price per kWh",
    amount: "Expense",
    lost: "Lost, min",
  },
};

const japaneseCalendar = new Intl.DateTimeFormat("ja-JP-u-ca-japanese", {
  era: "long",
  year: "numeric",
  timeZone: "UTC",
});
/** `令和7年`, as on the tax form: a year belongs to the era of its end. */
const japaneseYear = (year: string): string => japaneseCalendar.format(Date.UTC(Number(year), 11, 31));

const ja: ReportTexts = {
  lang: "ja",
  title: (month) => `電力使用月報　${month.slice(0, 4)}年${Number(month.slice(5))}月`,
  yearTitle: (year) => `${japaneseYear(year)}分（${year}年分）　車両充電費の家事按分表（青色申告用）`,
  device: "計測機器",
  period: "対象月",
  houseKwh: "住宅の使用電力量（kWh）",
  carKwh: "車の充電電力量（kWh）",
  houseCost: "住宅の電気代",
  carCost: "充電の電気代",
  price: "平均単価（1kWhあたり）",
  ratio: "事業割合",
  businessKwh: "事業分（kWh）",
  businessAmount: "必要経費算入額",
  recorded: "記録した分数",
  lost: "欠落した分数",
  minutes: "分",
  check: "ゲートウェイの日計「昨日」との照合",
  checkText: (days, counterKwh, recordedKwh, missedKwh) =>
    `${days}日間のゲートウェイの日計は${counterKwh}kWh、1分ごとの記録の合計は${recordedKwh}kWh、記録できなかった電力量は${missedKwh}kWhです。`,
  noCheck: "この月の日計は分かりません。",
  days: "日別の内訳",
  day: "日付",
  counter: "日計（kWh）",
  missed: "未記録（kWh）",
  month: "月",
  total: "合計",
  problems: "読み取れなかった記録",
  problemLine: (file, line, what) => `${file}　${line}行目：${what}`,
  moreProblems: (count) => `ほか${count}件`,
  problem: {
    "short-row": "列が足りないため、集計していません",
    "second-header": "途中に見出し行があります",
    "no-header": "見出し行がありません",
    "torn-line": "行が途中で切れています",
    "too-long-line": "行が長すぎます",
    "not-text": "文字として読めません（書き込み中の停電など）",
    "empty-line": "空行です",
    "not-a-minute": "日時で始まっていません",
    "not-a-number": "数値として読めません",
    implausible: "ありえない値です（集計していません）",
    "duplicate-minute": "同じ分が重複しています（1回だけ集計）",
    "other-month": "別の月の記録です（集計していません）",
  },
  noPrice: "単価が未設定です",
  note: "金額は「電力量 × 単価 × 事業割合」で、1円未満を切り捨てています。電気料金の明細と、事業割合の根拠（走行記録など）を一緒に保管してください。この表は計算結果であり、税務上の助言ではありません。",
  owner: "氏名・屋号",
  short: {
    house: "住宅（kWh）",
    car: "車（kWh）",
    cost: "充電代",
    price: "平均単価",
    amount: "経費算入額",
    lost: "欠落（分）",
  },
};

export const reportTexts = { en, ja } as const;
export type ReportLanguage = keyof typeof reportTexts;
