import { z } from "zod";
import type { QuasarSettings } from "../../../lib/devices/quasar/quasar.ts";
import type { WallboxCloudOptions } from "../../../lib/devices/quasar/wallbox-cloud.ts";
import { EvError } from "../../../lib/model/errors.ts";
import type { NodeContext } from "../../shared/node-context.ts";
import { readConfig } from "../../shared/read-config.ts";

const number = (low: number, high: number, missing: number) => z.coerce.number().min(low).max(high).default(missing);
const whole = (low: number, high: number, missing: number) =>
  z.coerce.number().int().min(low).max(high).default(missing);

/** A host name or an IP address, nothing that could be taken for a URL. */
const HOST = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?$|^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%\w+)?$/;

/** What the dialog saves. */
const configSchema = z.object({
  host: z.string().trim().regex(HOST, "a host name or an IP address such as 192.0.2.20"),
  port: whole(1, 65_535, 502),
  unit: whole(0, 255, 1),
  mode: z.enum(["current", "power"]).default("current"),
  minA: number(3, 32, 3),
  maxChargeA: number(0, 32, 16),
  maxDischargeA: number(0, 32, 16),
  pollS: number(0.1, 300, 1),
  idleTimeoutS: whole(30, 3600, 900),
  onExit: z.enum(["stop", "release", "keep"]).default("stop"),
  socRememberMin: number(0, 10_080, 720),
  serial: z.coerce.number().int().min(1).max(4_294_967_295).optional(),
  deadTimeFactor: number(0, 1, 1),
  chargerId: z.string().trim().max(20).default(""),
  maxRestartsPerDay: whole(0, 24, 6),
  /** another cloud, for simulators; not in the dialog */
  cloudUrl: z.url({ protocol: /^https?$/ }).optional(),
});

/** The longest wait for one Modbus answer, ms (fact sheet v2g 8.7). */
const REQUEST_DEADLINE_MS = 2000;

export interface ConnectionSettings {
  readonly line: {
    readonly host: string;
    readonly port: number;
    readonly unitId: number;
    readonly deadlineMs: number;
  };
  readonly quasar: QuasarSettings;
  /** null without a complete account */
  readonly cloud: Pick<WallboxCloudOptions, "chargerId" | "email" | "password" | "hosts"> | null;
}

/** @throws EvError `config`, naming the field */
export function readSettings({ config, credentials, name }: NodeContext): ConnectionSettings {
  const read = readConfig(configSchema, config);
  const { host, port, unit, chargerId, cloudUrl, ...rest } = read;
  // without polling often enough the charger's watchdog would stop it under our hands
  if (rest.idleTimeoutS <= rest.pollS * 3) {
    throw new EvError("config", "Open the connection: the idle timeout must be longer than three polls.");
  }
  const { email = "", password = "" } = credentials;
  const isAccount = chargerId !== "" && email !== "" && password !== "";
  return {
    line: { host, port, unitId: unit, deadlineMs: REQUEST_DEADLINE_MS },
    quasar: { ...rest, device: name, serial: rest.serial ?? null },
    cloud: isAccount
      ? {
          chargerId,
          email,
          password,
          ...(cloudUrl === undefined ? {} : { hosts: { authUrl: trim(cloudUrl), apiUrl: trim(cloudUrl) } }),
        }
      : null,
  };
}

const trim = (url: string): string => url.replace(/\/+$/, "");
