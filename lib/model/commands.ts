import { z } from "zod";
import { EvError } from "./errors.ts";
import { controlModes } from "./records.ts";

/** Beyond any charger a home can have; what is larger is a mistake, not a wish. */
const MOST_AMPS = 500;
const MOST_WATTS = 500_000;

const amps = z.number().min(-MOST_AMPS).max(MOST_AMPS);
const positiveAmps = z.number().min(0).max(MOST_AMPS);

/** Fields that every command may carry. */
const common = {
  /** Not obeyed after this instant. */
  expiresAt: z.iso.datetime({ offset: true }).optional(),
  /**
   * In force for this long after its arrival; then a charger stops by itself unless the command was renewed. Whoever
   * controls all the time sets it, so that a charger does not go on without its controller.
   */
  validForS: z.number().positive().max(86_400).optional(),
  /** Who asks: safety > user > schedule > plan. Missing = user. */
  source: z.enum(["user", "schedule", "plan"]).optional(),
};

const boost = {
  ...common,
  /** Missing = the configured maximum. */
  currentA: positiveAmps.optional(),
  untilSocPercent: z.number().min(0).max(100).optional(),
};

/**
 * What may be asked. Every charger node understands `charge discharge pause current power limit release refresh restart`
 * and refuses with `unsupported` what its hardware lacks; `mode` is for `ev-control`, `ocpp` for chargers with a vendor
 * cloud. Objects are strict: a misspelt field is an error, not a silently ignored wish.
 */
export const commandSchema = z.discriminatedUnion("command", [
  z.strictObject({ command: z.literal("charge"), ...boost }),
  z.strictObject({ command: z.literal("discharge"), ...boost }),
  z.strictObject({ command: z.literal("pause"), ...common }),
  /** + charge, - discharge, 0 stop */
  z.strictObject({ command: z.literal("current"), currentA: amps, ...common }),
  z.strictObject({ command: z.literal("power"), powerW: z.number().min(-MOST_WATTS).max(MOST_WATTS), ...common }),
  /** The user's own ceiling per direction; null takes it away. */
  z.strictObject({
    command: z.literal("limit"),
    maxA: positiveAmps.nullable().optional(),
    maxDischargeA: positiveAmps.nullable().optional(),
    ...common,
  }),
  /** Give control back to the device. */
  z.strictObject({ command: z.literal("release"), ...common }),
  /** Read now and send a reading. */
  z.strictObject({ command: z.literal("refresh"), ...common }),
  /** Reboot the device. */
  z.strictObject({ command: z.literal("restart"), ...common }),
  /** Hand the charger to a third-party OCPP back end, or take it back. */
  z.strictObject({ command: z.literal("ocpp"), enabled: z.boolean(), ...common }),
  z.strictObject({
    command: z.literal("mode"),
    mode: z.enum(controlModes),
    /** mode `fixed`: + charge, - discharge */
    currentA: amps.optional(),
    untilSocPercent: z.number().min(0).max(100).optional(),
    /** Then what the user had before returns. */
    until: z.iso.datetime({ offset: true }).optional(),
    ...common,
  }),
]);
export type Command = z.output<typeof commandSchema>;
export type CommandWord = Command["command"];
export type CommandSource = "user" | "schedule" | "plan";

const WORDS_ALONE = ["charge", "discharge", "pause", "release", "refresh", "restart"] as const;
const MODES_ALONE = ["solar", "power-home", "balance", "unplug", "freerun", "smart"] as const;
const ACCEPTED =
  `Accepted: a number of amps (negative discharges), one of the words ${[...WORDS_ALONE, ...MODES_ALONE].join(", ")}, ` +
  `or an object such as {"command":"current","currentA":6}.`;

/** Plain decimal numbers only: "16; DROP" and "0x10" are not amps. */
const DECIMAL = /^-?\d{1,6}(\.\d{1,6})?$/;

/**
 * Reads `msg.payload` as a command. A number is amps, a word is a command or a mode, an object says more.
 *
 * @param nowMs wall clock, to refuse a command after its `expiresAt`
 * @throws EvError `bad-command` (says what was wrong and what is accepted), `out-of-range`, `stale` when expired
 */
export function parseCommand(payload: unknown, nowMs: number): Command {
  const candidate = toCommandObject(payload);
  const parsed = commandSchema.safeParse(candidate);
  if (!parsed.success) throw describeBadCommand(candidate, parsed.error);
  const { expiresAt } = parsed.data;
  if (expiresAt !== undefined && Date.parse(expiresAt) <= nowMs) {
    throw new EvError("stale", `The command "${parsed.data.command}" expired at ${expiresAt} and was ignored.`);
  }
  return parsed.data;
}

function toCommandObject(payload: unknown): unknown {
  if (typeof payload === "number") {
    if (!Number.isFinite(payload)) throw new EvError("bad-command", `${payload} is not a number of amps. ${ACCEPTED}`);
    return { command: "current", currentA: payload };
  }
  if (typeof payload === "string") {
    const word = payload.trim().toLowerCase();
    if (DECIMAL.test(word)) return { command: "current", currentA: Number(word) };
    if ((WORDS_ALONE as readonly string[]).includes(word)) return { command: word };
    if ((MODES_ALONE as readonly string[]).includes(word)) return { command: "mode", mode: word };
    throw new EvError("bad-command", `"${shorten(word)}" is not a command. ${ACCEPTED}`);
  }
  if (typeof payload === "object" && payload !== null && !Array.isArray(payload) && !Buffer.isBuffer(payload)) {
    return payload;
  }
  const found =
    payload === null
      ? "null"
      : Array.isArray(payload)
        ? "an array"
        : Buffer.isBuffer(payload)
          ? "a buffer"
          : typeof payload;
  throw new EvError("bad-command", `msg.payload is ${found}, not a command. ${ACCEPTED}`);
}

function describeBadCommand(candidate: unknown, error: z.ZodError): EvError {
  const issue = error.issues[0];
  const word =
    typeof candidate === "object" && candidate !== null && "command" in candidate ? String(candidate.command) : "";
  if (issue?.path[0] === "command" || word === "") {
    const words = commandSchema.options.map((option) => option.shape.command.value).join(", ");
    return new EvError("bad-command", `"${shorten(word)}" is not a command word. Accepted words: ${words}.`);
  }
  const place = issue?.path.join(".") || "the object";
  const code = issue?.code === "too_big" || issue?.code === "too_small" ? "out-of-range" : "bad-command";
  return new EvError(code, `Command "${shorten(word)}": ${place}: ${issue?.message ?? "not accepted"}. ${ACCEPTED}`);
}

const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}...` : text);
