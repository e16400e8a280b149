import { type Command, parseCommand } from "../../lib/model/commands.ts";
import { EvError } from "../../lib/model/errors.ts";
import type { NodeMessage } from "./node-red.d.ts";

/**
 * The command in a message. A retained MQTT message is somebody's old wish and is never obeyed.
 *
 * @throws EvError `bad-command`, `out-of-range`, `stale`
 */
export function readCommand(message: NodeMessage, nowMs: number): Command {
  if (message.retain === true) {
    throw new EvError("stale", "A retained message is not obeyed: publish commands without the retain flag.");
  }
  return parseCommand(message.payload, nowMs);
}
