import { z } from "zod";
import { EvError } from "../../lib/model/errors.ts";
import { brokerFaults } from "./ac-charger.ts";
import { MOST_LOAD_W, sunCurves } from "./physics.ts";
import { h2vFaults } from "../h2v.ts";
import { openEvseFaults } from "../openevse.ts";
import { quasarFaults } from "../quasar.ts";
import { shellyFaults } from "../shelly/device.ts";

const watts = z.number().min(0).max(MOST_LOAD_W);

/** What the virtual home understands. Objects are strict: a misspelt field is an error. */
export const homeCommandSchema = z.discriminatedUnion("command", [
  z.strictObject({ command: z.literal("weather"), cloudsPercent: z.number().min(0).max(100) }),
  /** appliances that stay on, instead of what was on before */
  z.strictObject({ command: z.literal("load"), powerW: watts }),
  /** one more appliance; without `durationS` it stays on */
  z.strictObject({
    command: z.literal("step"),
    powerW: z.number().min(-MOST_LOAD_W).max(MOST_LOAD_W),
    durationS: z.number().positive().max(86_400).optional(),
  }),
  z.strictObject({
    command: z.literal("plug"),
    plugged: z.boolean(),
    socPercent: z.number().min(0).max(100).optional(),
    /** missing = the Quasar */
    charger: z.enum(["quasar", "openevse"]).optional(),
  }),
  /** wakes the car at the OpenEVSE */
  z.strictObject({ command: z.literal("wake") }),
  /** holds a tag to the OpenEVSE's RFID reader */
  z.strictObject({ command: z.literal("tag"), tag: z.string().regex(/^[0-9A-Za-z]{4,20}$/) }),
  /** how many times faster than real the battery fills */
  z.strictObject({ command: z.literal("speed"), factor: z.number().min(0.1).max(3_600) }),
  /** false pulls the meter off the network */
  z.strictObject({ command: z.literal("meter"), online: z.boolean() }),
  z.discriminatedUnion("device", [
    z.strictObject({
      command: z.literal("fault"),
      device: z.literal("meter"),
      fault: z.enum(shellyFaults).nullable(),
    }),
    z.strictObject({
      command: z.literal("fault"),
      device: z.literal("charger"),
      fault: z.enum(quasarFaults).nullable(),
    }),
    z.strictObject({
      command: z.literal("fault"),
      device: z.literal("openevse"),
      fault: z.enum(openEvseFaults).nullable(),
    }),
    z.strictObject({
      command: z.literal("fault"),
      device: z.literal("broker"),
      fault: z.enum(brokerFaults).nullable(),
    }),
    z.strictObject({
      command: z.literal("fault"),
      device: z.literal("h2v"),
      fault: z.enum(h2vFaults).nullable(),
    }),
  ]),
  z.strictObject({ command: z.literal("sun"), peakW: watts.optional(), curve: z.enum(sunCurves).optional() }),
]);
export type HomeCommand = z.output<typeof homeCommandSchema>;

/** What each command word wants, for error texts. */
const ACCEPTED: Readonly<Record<HomeCommand["command"], string>> = {
  weather: '{"command":"weather","cloudsPercent":0-100}',
  load: '{"command":"load","powerW":2000}',
  step: '{"command":"step","powerW":3000,"durationS":60}',
  plug: '{"command":"plug","plugged":true,"socPercent":40,"charger":"quasar" or "openevse"}',
  wake: '{"command":"wake"}',
  tag: '{"command":"tag","tag":"04A1B2C3"}',
  speed: '{"command":"speed","factor":60}',
  meter: '{"command":"meter","online":false}',
  fault: '{"command":"fault","device":"meter", "charger", "openevse", "broker" or "h2v","fault":a name or null}',
  sun: '{"command":"sun","peakW":5000,"curve":"noon" or "day"}',
};

const isCommandWord = (word: string): word is HomeCommand["command"] => Object.hasOwn(ACCEPTED, word);

/**
 * Reads a payload as a command for the virtual home.
 *
 * @throws EvError `bad-command` (says what was wrong and what is accepted), `out-of-range`
 */
export function parseHomeCommand(payload: unknown): HomeCommand {
  const parsed = homeCommandSchema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const word =
    typeof payload === "object" && payload !== null && "command" in payload ? String(payload.command).slice(0, 40) : "";
  if (!isCommandWord(word)) {
    const found = word === "" ? "msg.payload is not a command of the virtual home" : `"${word}" is not a command`;
    throw new EvError("bad-command", `${found}. Accepted: ${Object.values(ACCEPTED).join(", ")}.`);
  }
  const issue = parsed.error.issues[0];
  const isRange = issue?.code === "too_big" || issue?.code === "too_small";
  const place = issue?.path.join(".") || "the object";
  throw new EvError(
    isRange ? "out-of-range" : "bad-command",
    `Command "${word}": ${place}: ${issue?.message ?? "not accepted"}. Accepted: ${ACCEPTED[word]}.`,
  );
}
