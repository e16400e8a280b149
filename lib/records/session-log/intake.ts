import type { z } from "zod";
import { EvError } from "../../model/errors.ts";
import {
  type Charger,
  chargerSchema,
  type Meter,
  meterSchema,
  type Prices,
  pricesSchema,
  type Vehicle,
  vehicleSchema,
} from "../../model/records.ts";
import { cleanText } from "./clean-text.ts";
import { type LogRequest, parseLogRequest } from "./requests.ts";

/*
 * What reaches the log, checked once. A charger with an impossible tag or name is still a charger whose energy counts:
 * texts that only describe are cut, numbers and states must be right.
 */

export type Intake =
  | { readonly type: "charger"; readonly charger: Charger }
  | { readonly type: "meter"; readonly meter: Meter }
  | { readonly type: "vehicle"; readonly vehicle: Vehicle }
  | { readonly type: "prices"; readonly prices: Prices }
  | { readonly type: "request"; readonly request: LogRequest }
  /** a record of ours that says nothing about sessions */
  | { readonly type: "other" };

/** A `prices` record of the largest kind is half as long. */
const MOST_CHARACTERS = 2_000_000;
const MOST_ITEMS = 100;

/**
 * Reads `msg.payload`: a record, a command, or one of them as JSON text (from an `mqtt in` node).
 *
 * @throws EvError `bad-command`, `out-of-range`, `bad-reply` (a record that is not valid), `too-large`
 */
export function readIntake(payload: unknown): Intake {
  const candidate = toObject(payload);
  const kind = "kind" in candidate ? candidate.kind : undefined;
  if (kind === undefined) return { type: "request", request: parseLogRequest(candidate) };
  if (kind === "charger") return { type: "charger", charger: check(chargerSchema, describable(candidate), kind) };
  if (kind === "meter") return { type: "meter", meter: check(meterSchema, describable(candidate), kind) };
  if (kind === "vehicle") return { type: "vehicle", vehicle: check(vehicleSchema, describable(candidate), kind) };
  if (kind === "prices") return { type: "prices", prices: check(pricesSchema, cleaned(candidate, "tariff"), kind) };
  if (kind === "plan" || kind === "control" || kind === "session") return { type: "other" };
  throw new EvError("bad-reply", `A record of kind "${cleanText(wordOf(kind), 40)}" is not known here.`);
}

function toObject(payload: unknown): object {
  const text = Buffer.isBuffer(payload) ? textOf(payload) : payload;
  const candidate = typeof text === "string" ? parse(text) : text;
  if (typeof candidate === "object" && candidate !== null && !Array.isArray(candidate)) return candidate;
  throw new EvError("bad-command", "msg.payload is neither a record nor a command.");
}

function parse(text: string): unknown {
  if (text.length > MOST_CHARACTERS) throw tooLarge();
  if (text.trim() === "status") return { command: "status" };
  try {
    return JSON.parse(text);
  } catch {
    throw new EvError("bad-command", `"${cleanText(text, 40)}" is neither a record nor a command.`);
  }
}

function textOf(payload: Buffer): string {
  if (payload.length > MOST_CHARACTERS) throw tooLarge();
  return payload.toString("utf8");
}

const tooLarge = (): EvError =>
  new EvError("too-large", "msg.payload is far larger than any reading and was not looked at.");

function check<Schema extends z.ZodType>(schema: Schema, candidate: object, kind: string): z.output<Schema> {
  const parsed = schema.safeParse(candidate);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue?.path.join(".") || "the record";
  throw new EvError("bad-reply", `A ${kind} record is not valid: ${place}: ${issue?.message ?? "not accepted"}.`);
}

/** The texts of a reading, made storable. */
function describable(candidate: object): object {
  let reading = candidate;
  for (const field of ["rfid", "firmware", "chargeMode"]) reading = cleaned(reading, field);
  reading = cleaned(reading, "device", 201);
  if ("faults" in reading && Array.isArray(reading.faults)) {
    reading = { ...reading, faults: reading.faults.slice(0, MOST_ITEMS).map(cleanFault) };
  }
  if ("flags" in reading && Array.isArray(reading.flags)) {
    reading = { ...reading, flags: reading.flags.slice(0, MOST_ITEMS).filter((flag) => typeof flag === "string") };
  }
  return "counters" in reading && reading.counters === null ? { ...reading, counters: undefined } : reading;
}

/** Longest text of a field where the record says so. */
const LONGEST: Readonly<Record<string, number>> = { firmware: 100, chargeMode: 100 };

/** @param longest one more than allowed = a longer text stays an error, because it is no mere description */
function cleaned(candidate: object, field: string, longest = LONGEST[field] ?? 200): object {
  const found: unknown = Object.getOwnPropertyDescriptor(candidate, field)?.value;
  return typeof found === "string" ? { ...candidate, [field]: cleanText(found, longest) } : candidate;
}

function cleanFault(fault: unknown): object {
  const { code, text } = (typeof fault === "object" && fault !== null ? fault : {}) as Record<string, unknown>;
  return { code: cleanText(wordOf(code), 50), text: cleanText(wordOf(text), 200) };
}

const wordOf = (found: unknown): string =>
  typeof found === "string" || typeof found === "number" ? String(found) : "";
