import { z } from "zod";
import { EvError } from "../../model/errors.ts";
import { sessionLocations, sessionPurposes } from "../../model/session.ts";
import { cleanName, cleanText } from "./clean-text.ts";

const text = (longest: number) =>
  z
    .string()
    .nullable()
    .transform((typed) => cleanName(typed, longest))
    .optional();

/** What a person may say of a session; null takes back what was said or known, a missing field leaves it. */
const annotation = {
  vehicle: text(200),
  user: text(200),
  odometerKm: z.number().min(0).max(10_000_000).nullable().optional(),
  purpose: z.enum(sessionPurposes).nullable().optional(),
  businessRatio: z.number().min(0).max(1).nullable().optional(),
  location: z.enum(sessionLocations).nullable().optional(),
  note: text(2000),
};

const device = z.string().min(1).max(200);

/** What `ev-session-log` is asked by message. Objects are strict: a misspelt field is an error, not a lost wish. */
export const logRequestSchema = z.discriminatedUnion("command", [
  /** About the running session, or the last one; `device` may be missing while there is only one that can be meant. */
  z.strictObject({ command: z.literal("annotate"), device: device.optional(), ...annotation }),
  /** Ends a session whose charger will not do it any more. */
  z.strictObject({ command: z.literal("close"), device: device.optional() }),
  /** Sends the open sessions. */
  z.strictObject({ command: z.literal("status") }),
]);
export type LogRequest = z.output<typeof logRequestSchema>;
export type AnnotateRequest = Extract<LogRequest, { command: "annotate" }>;

/** What people said of a session; a field that is there counts, also when it is null. */
export const annotationsSchema = z.object(annotation);
export type Annotations = z.output<typeof annotationsSchema>;

export const annotatedFields = [
  "vehicle",
  "user",
  "odometerKm",
  "purpose",
  "businessRatio",
  "location",
  "note",
] as const satisfies readonly (keyof Annotations)[];

/** @throws EvError `bad-command` or `out-of-range`, in words for the person who sent it */
export function parseLogRequest(candidate: object): LogRequest {
  const parsed = logRequestSchema.safeParse(candidate);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const word = "command" in candidate && typeof candidate.command === "string" ? cleanText(candidate.command, 40) : "";
  if (issue?.path[0] === "command" || word === "") {
    throw new EvError("bad-command", `"${word}" is not for the session log. Accepted: annotate, close, status.`);
  }
  const isRange = issue?.code === "too_big" || issue?.code === "too_small";
  throw new EvError(
    isRange ? "out-of-range" : "bad-command",
    `Command "${word}": ${issue?.path.join(".") || "the object"}: ${issue?.message ?? "not accepted"}.`,
  );
}
