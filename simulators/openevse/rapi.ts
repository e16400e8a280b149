import { STATE } from "./controller.ts";
import type { WifiModule } from "./wifi-module.ts";

/* Raw commands to the controller (fact sheet openevse 6.1, and 3.5 for what still reaches it). */

const hex = (number: number, digits: number): string => number.toString(16).padStart(digits, "0");

/** XOR of all bytes, as `^` and two digits. */
export function withChecksum(text: string): string {
  const sum = [...Buffer.from(text, "latin1")].reduce((xor, byte) => xor ^ byte, 0);
  return `${text}^${hex(sum, 2).toUpperCase()}`;
}

/** Whether the firmware of the module lets a command through. */
export function passesRapi(module: WifiModule, command: string): boolean {
  const { rapi } = module.traits;
  if (rapi === "reads") return /^\$(G.|F0|FB)$/.test(command);
  return rapi === "all" || command !== "$ST";
}

/** What the controller answers, checksum included. @param text command and parameters, with or without a checksum */
export function answerRapi(module: WifiModule, text: string): string {
  const [plain = ""] = text.trim().split(/[\^*]/, 1);
  const [command = "", ...parameters] = plain.split(" ");
  const reply = read(module, command) ?? write(module, command, parameters);
  return withChecksum(reply === null ? "$NK" : `$OK${reply === "" ? "" : ` ${reply}`}`);
}

function read(module: WifiModule, command: string): string | null {
  const { controller } = module;
  const { gfci, noGround, stuck } = controller.faultCounts;
  const now = new Date(module.clock.localMs());
  switch (command) {
    case "$GS": {
      const pilotState = controller.isPlugged ? controller.state : STATE.ready;
      const fields = [hex(controller.state, 2), Math.floor(controller.elapsedS), hex(pilotState & 0xff, 2)];
      return [...fields, hex(controller.flags, 4)].join(" ");
    }
    case "$GU":
      return `${Math.floor(controller.sessionWs)} ${controller.lifetimeWh}`;
    case "$GE":
      return `${controller.pilotA} ${hex(controller.flags, 4)}`;
    case "$GC":
      return `6 48 ${controller.pilotA} ${module.settings.number("max_current_soft")}`;
    case "$GG":
      return `${Math.round(controller.amps * 1000)} ${Math.round(controller.voltageV * 1000)}`;
    case "$GP":
      return `${module.temperature()} -2560 -2560`;
    case "$GF":
      return [gfci, noGround, stuck].map((count) => hex(count, 2)).join(" ");
    case "$GT":
      return now.toISOString().slice(2, 19).split(/[-T:]/).map(Number).join(" ");
    case "$GV":
      return `${module.traits.controllerFirmware} 5.2.1`;
    case "$G0":
      return controller.state === STATE.disabled ? "2" : controller.isPlugged ? "1" : "0";
    default:
      return null;
  }
}

function write(module: WifiModule, command: string, parameters: readonly string[]): string | null {
  const { controller } = module;
  const first = Number(parameters[0]);
  switch (command) {
    case "$FE":
      controller.command("active");
      return "";
    case "$FS":
      controller.command("sleep");
      return "";
    case "$FD":
      controller.command("disabled");
      return "";
    case "$FR":
      controller.reset();
      return "";
    case "$F0":
    case "$FB":
    case "$F1":
    case "$SY":
    case "$SL":
    case "$SV":
    case "$ST":
      return "";
    case "$SC": {
      if (!Number.isInteger(first)) return null;
      const most = module.settings.number("max_current_soft");
      const isClamped = first < 6 || first > most;
      controller.offer(Math.min(most, first));
      return isClamped ? null : String(first);
    }
    case "$SK":
      if (!Number.isInteger(first) || first < 0) return null;
      controller.lifetimeWh = first;
      return "";
    default:
      return null;
  }
}
