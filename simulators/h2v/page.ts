/** Everything that one page shows, as the gateway knows it. */
export interface PageFigures {
  /** begin of the newest minute, milliseconds since 1970 UTC; null = nothing heard of the controller since the boot */
  readonly minuteMs: number | null;
  readonly todayWh: number;
  readonly yesterdayWh: number;
  readonly meanW: number;
  readonly peakW: number;
  readonly carW: number;
  readonly peakCut: number;
  readonly relay: number;
  readonly linkDbm: number;
  readonly cloudState: number;
  /** milliseconds since 1970 UTC; null = not charging */
  readonly chargeStartMs: number | null;
}

const HOUR_MS = 3_600_000;
const JST_MS = 9 * HOUR_MS;

/** `YYYY/MM/DD HH:MM` of a UTC instant. */
function stamp(epochMs: number): string {
  const [date = "", time = ""] = new Date(epochMs).toISOString().split("T");
  return `${date.replaceAll("-", "/")} ${time.slice(0, 5)}`;
}

/** The gateway adds Japan's nine hours twice, except to zero (fact sheet openevse-h2v-sessions 7.2). */
const newestTime = (minuteMs: number | null): string =>
  minuteMs === null ? stamp(JST_MS) : stamp(minuteMs + 2 * JST_MS);

/** `label[text]`, in the order of the page. */
export function blockLines(figures: PageFigures): string[] {
  return [
    "Device Num :[1]",
    "Device-ID[1] = [34 c7 31 12 34 56]",
    `本日[${figures.todayWh}]`,
    `昨日[${figures.yesterdayWh}]`,
    `平均[${figures.meanW}]`,
    `最大[${figures.peakW}]`,
    `車充電[${figures.carW}]`,
    `ピークカット状態[${figures.peakCut}]`,
    `リレー状態[${figures.relay}]`,
    `最新電力情報の時刻[${newestTime(figures.minuteMs)}]`,
    `PCC接続状態[${figures.linkDbm}]`,
    `TSC接続状態[${figures.cloudState}]`,
    `充電開始時刻(nooffset)[${stamp(JST_MS + (figures.chargeStartMs ?? 0))}]`,
  ];
}

const kilo = (amount: number): string => (amount / 1000).toFixed(1);

/** The page with its block of lines before the head; without lines there is no block. */
export function drawPage(figures: PageFigures, lines: readonly string[]): string {
  const block = lines.length === 0 ? "" : `<!--\n${lines.join("\n")}\n-->\n`;
  return `${block}<html>
<head>
<meta http-equiv="Content-Type" content="text/html; charset=EUC-JP">
<title>H2V Manager</title>
</head>
<body>
<h1>H2V Manager</h1>
<h2>住宅</h2>
<table>
<tr><th>本日の使用電力量</th><td>${kilo(figures.todayWh)}kWh</td></tr>
<tr><th>昨日の使用電力量</th><td>${kilo(figures.yesterdayWh)}kWh</td></tr>
<tr><th>現在の電力</th><td>${kilo(figures.meanW)}kW</td></tr>
</table>
<h2>車</h2>
<table>
<tr><th>現在の充電電力</th><td>${kilo(figures.carW)}kW</td></tr>
</table>
</body>
</html>
`;
}
