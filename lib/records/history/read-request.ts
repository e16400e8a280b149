import type { z } from "zod";
import { EvError } from "../../model/errors.ts";
import { type HistoryRequest, historyRequestSchema } from "./requests.ts";
import { STORE_WORDS, STORE_WORDS_ALONE } from "./store-requests.ts";

/** Requests that one word says completely. */
const WORDS_ALONE: readonly string[] = [
  "sessions",
  "days",
  "months",
  "years",
  "totals",
  "statement",
  "tariffs",
  "verify",
];

/** Also those that go to the store itself: what is accepted is told as a whole. */
const ALL_ALONE = [...WORDS_ALONE, ...STORE_WORDS_ALONE].join(", ");

/** Where a web address or a form can only send text. */
const NUMBERS: ReadonlySet<string> = new Set([
  "year",
  "month",
  "minEnergyWh",
  "limit",
  "offset",
  "odometerKm",
  "businessRatio",
  "energyWh",
  "cost",
  "amount",
  "pricePerKwh",
  "socStartPercent",
  "socEndPercent",
]);
const DECIMAL = /^-?\d{1,12}(\.\d{1,12})?$/;

/** An empty field of a form takes these away; everywhere else it means that nothing was entered. */
const EMPTY_IS_NULL: ReadonlySet<string> = new Set(["edit"]);

/**
 * Reads `msg.payload` as a request: a word, or an object. Numbers may come as text, as they do from a web address.
 *
 * @throws EvError `bad-command` or `out-of-range`, saying what is accepted
 */
export function readHistoryRequest(payload: unknown): HistoryRequest {
  const candidate = toObject(payload);
  const parsed = historyRequestSchema.safeParse(candidate);
  if (!parsed.success) throw describeProblem(candidate, parsed.error);
  refuseContradiction(parsed.data);
  return parsed.data;
}

function toObject(payload: unknown): Record<string, unknown> {
  if (typeof payload === "string") {
    const word = payload.trim().toLowerCase();
    if (WORDS_ALONE.includes(word)) return { command: word };
    throw new EvError("bad-command", `"${shorten(word)}" is not a request. Accepted words: ${ALL_ALONE}.`);
  }
  if (typeof payload !== "object" || payload === null || Array.isArray(payload) || Buffer.isBuffer(payload)) {
    throw new EvError(
      "bad-command",
      `msg.payload is not a request. Send a word (${ALL_ALONE}) or an object such as {"command":"months"}.`,
    );
  }
  const command = "command" in payload ? payload.command : undefined;
  const emptyIsNull = typeof command === "string" && EMPTY_IS_NULL.has(command);
  return Object.fromEntries(
    Object.entries(payload)
      .filter(([, field]) => emptyIsNull || field !== "")
      .map(([key, field]) => [key, field === "" ? null : fromText(key, field)]),
  );
}

function fromText(key: string, field: unknown): unknown {
  if (typeof field !== "string") return field;
  if (NUMBERS.has(key) && DECIMAL.test(field.trim())) return Number(field);
  if (key === "bom" && /^(true|false)$/i.test(field)) return field.toLowerCase() === "true";
  return field;
}

/** What the schema cannot say: fields that only make sense together. @throws EvError `bad-command` */
function refuseContradiction(request: HistoryRequest): void {
  if ("month" in request && request.month !== undefined && request.year === undefined) {
    throw new EvError("bad-command", `"${request.command}": month needs a year, for example {"year":2026,"month":11}.`);
  }
  if ("from" in request && "to" in request && (request.from ?? "") > (request.to ?? "9999")) {
    throw new EvError("bad-command", `"${request.command}": from (${request.from}) is later than to (${request.to}).`);
  }
  const { separator, decimalSign } = { separator: undefined, decimalSign: undefined, ...request };
  if (separator === "," && decimalSign === ",") {
    throw new EvError("bad-command", `"${request.command}": separator and decimalSign cannot both be a comma.`);
  }
}

function describeProblem(candidate: Readonly<Record<string, unknown>>, error: z.ZodError): EvError {
  const issue = error.issues[0];
  const word = typeof candidate.command === "string" ? candidate.command : "";
  const option = historyRequestSchema.options.find((each) => each.shape.command.value === word);
  if (option === undefined) {
    const words = [...historyRequestSchema.options.map((each) => each.shape.command.value), ...STORE_WORDS];
    return new EvError("bad-command", `"${shorten(word)}" is not a request. Accepted: ${words.join(", ")}.`);
  }
  const fields = Object.keys(option.shape)
    .filter((key) => key !== "command")
    .join(", ");
  if (issue?.code === "unrecognized_keys") {
    const unknown = issue.keys.map((key) => `"${shorten(key)}"`).join(", ");
    return new EvError("bad-command", `"${word}" does not know ${unknown}. Accepted: ${fields}.`);
  }
  const place = shorten(issue?.path.join(".") ?? "");
  const code = issue?.code === "too_big" || issue?.code === "too_small" ? "out-of-range" : "bad-command";
  return new EvError(code, `"${word}": ${place}: ${issue?.message ?? "not accepted"}. Accepted: ${fields}.`);
}

const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}...` : text);
