import { EvError, toEvError } from "../lib/model/errors.ts";
import type { OpenEvseOptions, OpenEvseSimulator } from "./openevse/options.ts";
import { RunningOpenEvse } from "./openevse/running-openevse.ts";

export type { OpenEvseCarOptions, OpenEvseCarState } from "./openevse/car.ts";
export { type OpenEvseFault, openEvseFaults } from "./openevse/faults.ts";
export { type OpenEvseGeneration, openEvseGenerations } from "./openevse/generations.ts";
export type { OpenEvseOptions, OpenEvsePublication, OpenEvseSimulator } from "./openevse/options.ts";

/**
 * An OpenEVSE charging station with a car, as fact sheet openevse sections 2 to 6 describes it: HTTP on its own port, and
 * MQTT as a client of a broker. Both interfaces show the same device.
 *
 * @throws EvError `config` when the port is taken
 */
export async function startOpenEvse(options: OpenEvseOptions = {}): Promise<OpenEvseSimulator> {
  const device = new RunningOpenEvse(options);
  try {
    await device.open();
  } catch (thrown) {
    await device.stop();
    throw explainClosedPort(thrown, device.host, options.port ?? 0);
  }
  return device;
}

function explainClosedPort(thrown: unknown, host: string, port: number): EvError {
  const cause = toEvError(thrown);
  if (cause.code !== "config") return cause;
  const sentence = `Port ${port} on ${host} is taken; choose another one, or 0 for any free port.`;
  return new EvError("config", sentence, { cause: thrown });
}
