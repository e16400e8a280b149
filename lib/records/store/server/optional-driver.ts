import { EvError } from "../../../model/errors.ts";

/**
 * Loads a driver that is installed only where somebody needs it.
 *
 * @throws EvError `config`, saying what to install
 */
export async function loadDriver<Driver>(name: string, load: () => Promise<Driver>): Promise<Driver> {
  try {
    return await load();
  } catch (cause) {
    throw new EvError(
      "config",
      `The package ${name} is missing: run "npm install ${name}" in the Node-RED user directory and restart Node-RED.`,
      { cause },
    );
  }
}
