import { load } from "cheerio/slim";
import { EvError } from "../../model/errors.ts";
import { type H2vKey, h2vLabels } from "../../model/h2v-page.ts";
import { excerpt } from "../../io/http.ts";
import { decodePage, type PageCharset } from "./charset.ts";

/** Where the figures are (fact sheet openevse-h2v-sessions 7.2). */
export const PAGE_PATH = "/h2v/top_phv_ev.html";
/** The real page is a few kilobytes. */
export const MAX_PAGE_BYTES = 128 * 1024;

export interface PageField {
  /** as on the page */
  readonly label: string;
  readonly text: string;
  /** our name; null = a label that we do not know */
  readonly key: H2vKey | null;
}

export interface GatewayPage {
  /** in the page's order; of a label that stands twice, the first */
  readonly fields: readonly PageField[];
  /** `comment`: the block before the head; `visible`: only what people see, so there is no time */
  readonly source: "comment" | "visible";
  readonly charset: PageCharset;
}

const MAX_FIELDS = 200;
const MAX_LABEL = 100;
const MAX_TEXT = 200;

const keyOfLabel = new Map<string, H2vKey>(
  Object.entries(h2vLabels).map(([key, label]) => [label, key as H2vKey] as const),
);

/**
 * Reads the gateway's page.
 *
 * @throws EvError `bad-reply` when it is another page
 */
export function parsePage(bytes: Buffer): GatewayPage {
  const { text, charset } = decodePage(bytes);
  const $ = load(text, { xml: { xmlMode: false, decodeEntities: true } });
  for (const comment of commentsBeforeBody($.root().get(0))) {
    const fields = parseCommentBlock(comment);
    if (fields.some(({ key }) => key !== null)) return { fields, source: "comment", charset };
  }
  $("script, style, head").remove();
  const visible = parseVisibleFigures($.root().text());
  if (visible.length > 0) return { fields: visible, source: "visible", charset };
  throw new EvError("bad-reply", "That is not the page of an H2V gateway: it has none of the expected figures.", {
    detail: excerpt($.root().text().slice(0, 2000)),
  });
}

type PageNode = {
  readonly type: string;
  readonly name?: string;
  readonly data?: string;
  readonly children?: readonly unknown[];
};

/** Comments in the order of the page, down to where the body begins; without recursion, since nesting is the sender's choice. */
function* commentsBeforeBody(root: unknown): Generator<string> {
  const waiting: PageNode[] = [root as PageNode];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node.name === "body") return;
    if (node.type === "comment") yield node.data ?? "";
    const children = (node.children ?? []) as readonly PageNode[];
    for (let index = children.length - 1; index >= 0; index--) {
      const child = children[index];
      if (child !== undefined) waiting.push(child);
    }
  }
}

/**
 * `label[text]`, one per line. `Device-ID[1] = [34 c7 31]` has an index in its label: a second bracket behind `=` or `:`
 * holds the text.
 */
export function parseCommentBlock(comment: string): PageField[] {
  const fields = new Map<string, PageField>();
  for (const line of comment.split(/\r\n|\n|\r/)) {
    if (fields.size >= MAX_FIELDS) break;
    const found = parseLine(line);
    if (found !== null && !fields.has(found.label)) fields.set(found.label, found);
  }
  return [...fields.values()];
}

function parseLine(line: string): PageField | null {
  const close = line.lastIndexOf("]");
  const open = line.lastIndexOf("[", close);
  if (open <= 0 || close < open) return null;
  const label = line
    .slice(0, open)
    .trim()
    .replace(/ ?[:=]$/, "")
    .trim();
  if (label === "" || label.length > MAX_LABEL || close - open > MAX_TEXT) return null;
  return { label, text: line.slice(open + 1, close).trim(), key: keyOfLabel.get(label) ?? null };
}

/** Whole numbers only: `1,022.4` and `-0.8` are none that we can read. */
const FIGURE = /(?<![\d.,+\-−])(\d{1,7}(?:\.\d{1,4})?)\s{0,8}(kWh|kW)(?![A-Za-z])/gi;
const HOUSE_WORD = /家|住宅|ハウス|宅内|HOUSE/i;
const CAR_WORD = /車|充電|PHV|EV/i;
const VISIBLE_KEYS: readonly H2vKey[] = ["todayWh", "yesterdayWh", "meanW", "carW"];

/**
 * The figures that people see: today's and yesterday's kWh of the house, present kW of house and car. That they are there is
 * all that is known (fact sheet openevse-h2v-sessions 7.1), not how they are laid out. So they count only all together: each
 * of the four once, and every figure of the page explained by the words before it. Else there are none.
 */
export function parseVisibleFigures(shown: string): PageField[] {
  const text = shown.normalize("NFKC");
  const fields = new Map<H2vKey, PageField>();
  let section: "house" | "car" | null = null;
  let fromIndex = 0;
  for (const match of text.matchAll(FIGURE)) {
    const words = text.slice(fromIndex, match.index);
    fromIndex = match.index + match[0].length;
    section = sectionOf(words, section);
    const key = keyOfFigure(words, (match[2] ?? "").toLowerCase() === "kwh", section);
    if (key === "unknown" || (key !== "not ours" && fields.has(key))) return [];
    if (key === "not ours") continue;
    fields.set(key, { label: h2vLabels[key], text: String(Math.round(Number(match[1]) * 1000)), key });
  }
  return VISIBLE_KEYS.every((key) => fields.has(key)) ? [...fields.values()] : [];
}

/** What the words name; both is as good as none. */
function sectionOf(words: string, before: "house" | "car" | null): "house" | "car" | null {
  const isHouse = HOUSE_WORD.test(words);
  const isCar = CAR_WORD.test(words);
  if (isHouse && isCar) return null;
  return isHouse ? "house" : isCar ? "car" : before;
}

/** The car's kWh are on the page, and not in our record. */
function keyOfFigure(
  words: string,
  isEnergy: boolean,
  section: "house" | "car" | null,
): H2vKey | "not ours" | "unknown" {
  const isYesterday = words.includes("昨日");
  const isToday = /本日|今日/.test(words);
  if (section === null || (isYesterday && isToday)) return "unknown";
  if (!isEnergy) {
    if (isYesterday || isToday || !words.includes("現在")) return "unknown";
    return section === "car" ? "carW" : "meanW";
  }
  if (section === "car") return "not ours";
  return isYesterday ? "yesterdayWh" : isToday ? "todayWh" : "unknown";
}
