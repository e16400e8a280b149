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

const watts = z.number().min(-MOST_WATTS).max(MOST_WATTS);

/** One event of a charger's own weekly timer; it has no end of its own, so they come in pairs. */
const scheduleEvent = z.strictObject({
  id: z.number().int().min(1).max(65_535),
  state: z.enum(["active", "disabled"]),
  /** local time of the charger */
  time: z.string().regex(/^([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/),
  days: z
    .array(z.enum(["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]))
    .min(1)
    .max(7),
});
export type ScheduleEvent = z.output<typeof scheduleEvent>;

const boost = {
  ...common,
  /** Missing = the configured maximum. */
  currentA: positiveAmps.optional(),
  untilSocPercent: z.number().min(0).max(100).optional(),
};

/**
 * What may be asked. Every charger node understands `charge discharge pause current power limit release refresh restart`
 * and refuses with `unsupported` what its hardware lacks; `mode` is for `ev-control`, `ocpp` for chargers with a vendor
 * cloud, `divert shaper feed schedule rapi` for an OpenEVSE. Objects are strict: a misspelt field is an error, not a silently ignored wish.
 */
export const commandSchema = z.discriminatedUnion("command", [
  z.strictObject({ command: z.literal("charge"), ...boost }),
  z.strictObject({ command: z.literal("discharge"), ...boost }),
  z.strictObject({ command: z.literal("pause"), ...common }),
  /** + charge, - discharge, 0 stop */
  z.strictObject({ command: z.literal("current"), currentA: amps, ...common }),
  z.strictObject({ command: z.literal("power"), powerW: watts, ...common }),
  /**
   * The user's own ceilings; null takes one away. Current per direction for every charger; energy, charging time and state
   * of charge of the present session for chargers that count them themselves (OpenEVSE), which know one of the three.
   */
  z.strictObject({
    command: z.literal("limit"),
    maxA: positiveAmps.nullable().optional(),
    maxDischargeA: positiveAmps.nullable().optional(),
    energyWh: z.number().positive().max(1_000_000).nullable().optional(),
    chargingMin: z.number().int().positive().max(14_400).nullable().optional(),
    socPercent: z.number().positive().max(100).nullable().optional(),
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
  /** Whether the charger itself follows the sun (OpenEVSE: eco), or just charges. */
  z.strictObject({ command: z.literal("divert"), mode: z.enum(["eco", "normal"]), ...common }),
  /** The charger's own load balancing: on or off until its next reboot. */
  z.strictObject({ command: z.literal("shaper"), enabled: z.boolean(), ...common }),
  /** Measurements that the charger's own divert and shaper need and cannot make themselves. */
  z.strictObject({
    command: z.literal("feed"),
    /** + import, - export */
    gridW: watts.optional(),
    solarW: watts.nonnegative().optional(),
    /** what the whole house draws, the charger included */
    houseW: watts.optional(),
    voltageV: z.number().min(60).max(300).optional(),
    socPercent: z.number().min(0).max(100).optional(),
    rangeKm: z.number().min(0).max(10_000).optional(),
    ...common,
  }),
  /** The timer inside the charger. Nothing given: read it. */
  z.strictObject({
    command: z.literal("schedule"),
    /** added, or put in the place of those with the same id */
    set: z.array(scheduleEvent).min(1).max(50).optional(),
    /** ids */
    clear: z.array(z.number().int().min(1).max(65_535)).min(1).max(50).optional(),
    ...common,
  }),
  /** A raw command to an OpenEVSE controller, where its firmware still lets it through, such as `$GS`. */
  z.strictObject({ command: z.literal("rapi"), text: z.string().regex(/^\$[A-Z][A-Z0-9]( [\w.-]+){0,8}$/), ...common }),
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

/** Only some chargers have these; every other one, and the controller, refuses them. */
export type DeviceCommand = Extract<
  Command,
  { command: "restart" | "ocpp" | "divert" | "shaper" | "feed" | "schedule" | "rapi" }
>;
const DEVICE_WORDS: ReadonlySet<CommandWord> = new Set([
  "restart",
  "ocpp",
  "divert",
  "shaper",
  "feed",
  "schedule",
  "rapi",
] satisfies DeviceCommand["command"][]);

/** Whether a command is for the hardware itself and has no meaning for a controller. */
export const isDeviceCommand = (command: Command): command is DeviceCommand => DEVICE_WORDS.has(command.command);

/** Whether a `limit` asks for more than a ceiling of current. */
export const limitsSession = (command: Extract<Command, { command: "limit" }>): boolean =>
  command.energyWh !== undefined || command.chargingMin !== undefined || command.socPercent !== undefined;

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
