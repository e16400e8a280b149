import { type Cancel, type Clock, systemClock } from "../lib/model/clock.ts";
import { type DeviceRequest, type DeviceWebServer, startDeviceWebServer } from "./device-web-server.ts";
import type { RunningSimulator } from "./simulator.ts";
import { createWallboxAccount, json, refuse, type WallboxAccount } from "./wallbox-account.ts";
import { type Answer, isHttpFault } from "./wire-faults.ts";

/**
 * The vendor cloud of a Wallbox charger (fact sheet v2g 3): the log-in host and the API host on one address.
 *
 * | fault | seen by a client |
 * |---|---|
 * | `429` | too many calls, with Retry-After |
 * | `401-token` | every token is refused, also a new one; signing in works |
 * | `403` | the account is refused, also at sign-in |
 * | `silent` | TCP is accepted, nothing is ever answered |
 * | `html-200` | a web page with status 200 |
 */
export type WallboxCloudFault = "429" | "401-token" | "403" | "silent" | "html-200";

export interface RemoteAction {
  readonly chargerId: number;
  /** 1 resume, 2 pause, 3 restart, 4 factory reset, 5 firmware update, 9 resume schedule */
  readonly action: number;
  /** Milliseconds since 1970 UTC. */
  readonly atMs: number;
}

export interface CloudCall {
  readonly method: string;
  readonly path: string;
  readonly atMs: number;
}

export interface OcppConfiguration {
  readonly type: "ocpp" | "wallbox";
  readonly address: string;
  readonly chargePointIdentity: string;
  readonly password: string;
}

export interface WallboxCloudOptions {
  /** 0 = any free port */
  readonly port?: number;
  readonly host?: string;
  readonly clock?: Clock;
  readonly email?: string;
  readonly password?: string;
  readonly chargerId?: number;
  /** How long a token lives, default 15 minutes. */
  readonly tokenLifeMs?: number;
  /** How long a refresh token lives, default 30 days. */
  readonly refreshTokenLifeMs?: number;
  /** Sent with the fault "429". */
  readonly retryAfterS?: number;
  /** The cloud has told the charger to restart: cut its power. */
  readonly onRestart?: (chargerId: number) => void;
}

export interface WallboxCloudSimulator extends RunningSimulator<WallboxCloudFault> {
  /** Base address of both hosts, without a slash at the end. */
  readonly url: string;
  /** Every remote action that was accepted, oldest first. */
  readonly actions: readonly RemoteAction[];
  /** Every call, accepted or not, oldest first. */
  readonly calls: readonly CloudCall[];
  readonly signIns: number;
  readonly statusId: number;
  readonly ocppConfiguration: OcppConfiguration;
  readonly requests: number;
  readonly openSockets: number;
  readonly peakConcurrentRequests: number;
  /** What the charger reports (fact sheet v2g 3.3): 161 ready, 166 firmware update, 194 charging ... */
  setStatus(statusId: number): void;
  /** Every token given out so far is worthless from now on; sign-in works. */
  revokeTokens(): void;
}

export const WALLBOX_READY = 161;
const DISCONNECTED = 0;
const UPDATING = 166;
const CHARGING = 194;
const PAUSED = 182;
/** Field-observed course of a restart. */
const RESTART_READY_MS = 10_000;
const RESTART_DISCONNECTED_MS = 90_000;
const LONGEST_RECORD = 10_000;

const STATUS_TEXT: Readonly<Record<number, string>> = {
  [DISCONNECTED]: "Disconnected",
  [WALLBOX_READY]: "Ready",
  [UPDATING]: "Updating",
  [CHARGING]: "Charging",
  [PAUSED]: "Paused by user",
};

interface Cloud {
  readonly clock: Clock;
  readonly account: WallboxAccount;
  readonly chargerId: number;
  readonly retryAfterS: number;
  readonly onRestart: (chargerId: number) => void;
  readonly actions: RemoteAction[];
  readonly calls: CloudCall[];
  fault: WallboxCloudFault | null;
  statusId: number;
  cancelRestart: Cancel;
  ocpp: OcppConfiguration;
}

/** @throws EvError `config` when the port is taken */
export async function startWallboxCloud(options: WallboxCloudOptions = {}): Promise<WallboxCloudSimulator> {
  const { port = 0, host = "127.0.0.1", clock = systemClock } = options;
  const cloud: Cloud = {
    clock,
    account: createWallboxAccount({
      clock,
      email: options.email ?? "owner@example.org",
      password: options.password ?? "correct horse",
      tokenLifeMs: options.tokenLifeMs ?? 15 * 60_000,
      refreshTokenLifeMs: options.refreshTokenLifeMs ?? 30 * 24 * 3_600_000,
    }),
    chargerId: options.chargerId ?? 12345,
    retryAfterS: options.retryAfterS ?? 60,
    onRestart: options.onRestart ?? (() => {}),
    actions: [],
    calls: [],
    fault: null,
    statusId: WALLBOX_READY,
    cancelRestart: () => {},
    ocpp: { type: "wallbox", address: "", chargePointIdentity: "", password: "" },
  };
  const server = await startDeviceWebServer({
    host,
    port,
    clock,
    keepAlive: true,
    onRequest: ({ method, path }) => remember(cloud.calls, { method, path, atMs: clock.nowMs() }),
    answer: (request) => answerCloud(cloud, request),
  });
  return new RunningCloud(cloud, server);
}

class RunningCloud implements WallboxCloudSimulator {
  readonly #cloud: Cloud;
  readonly #server: DeviceWebServer;

  constructor(cloud: Cloud, server: DeviceWebServer) {
    this.#cloud = cloud;
    this.#server = server;
  }

  get host(): string {
    return this.#server.host;
  }
  get port(): number {
    return this.#server.port;
  }
  get url(): string {
    return `http://${this.host}:${this.port}`;
  }
  get fault(): WallboxCloudFault | null {
    return this.#cloud.fault;
  }
  get actions(): readonly RemoteAction[] {
    return this.#cloud.actions;
  }
  get calls(): readonly CloudCall[] {
    return this.#cloud.calls;
  }
  get signIns(): number {
    return this.#cloud.account.signIns;
  }
  get statusId(): number {
    return this.#cloud.statusId;
  }
  get ocppConfiguration(): OcppConfiguration {
    return this.#cloud.ocpp;
  }
  get requests(): number {
    return this.#server.counts.requests;
  }
  get openSockets(): number {
    return this.#server.counts.openSockets;
  }
  get peakConcurrentRequests(): number {
    return this.#server.counts.peakConcurrentRequests;
  }
  setFault(fault: WallboxCloudFault | null): void {
    this.#cloud.fault = fault;
    this.#server.setFault(isHttpFault(fault) ? fault : null);
  }
  setStatus(statusId: number): void {
    this.#cloud.cancelRestart();
    this.#cloud.statusId = statusId;
  }
  revokeTokens(): void {
    this.#cloud.account.revokeTokens();
  }
  async stop(): Promise<void> {
    this.#cloud.cancelRestart();
    await this.#server.stop();
  }
}

function remember<T>(record: T[], entry: T): void {
  record.push(entry);
  if (record.length > LONGEST_RECORD) record.shift();
}

function answerCloud(cloud: Cloud, request: DeviceRequest): Answer {
  if (cloud.fault === "429") {
    return { ...refuse(429, "Too Many Requests"), headers: { "Retry-After": String(cloud.retryAfterS) } };
  }
  if (cloud.fault === "403") return refuse(403, "Forbidden");
  if (request.path === "/users/signin") return cloud.account.signIn(request);
  if (request.path === "/users/refresh-token") {
    return cloud.fault === "401-token" ? refuse(401, "Unauthorized") : cloud.account.refresh(request);
  }
  if (cloud.fault === "401-token" || !cloud.account.isSignedIn(request)) return refuse(401, "Unauthorized");
  return answerApi(cloud, request);
}

function answerApi(cloud: Cloud, request: DeviceRequest): Answer {
  const { method, path } = request;
  if (path === "/v3/chargers/groups") return method === "GET" ? groups(cloud) : refuse(405, "Method Not Allowed");
  const [, statusOf, actionFor, ocppOf] =
    /^(?:\/chargers\/status\/(\d+)|\/v3\/chargers\/(\d+)\/remote-action|\/v3\/chargers\/(\d+)\/ocpp-configuration)$/.exec(
      path,
    ) ?? [];
  const id = statusOf ?? actionFor ?? ocppOf;
  if (id === undefined || Number(id) !== cloud.chargerId) return refuse(404, "Not Found");
  if (statusOf !== undefined && method === "GET") return json(200, chargerStatus(cloud));
  if (actionFor !== undefined && method === "POST") return remoteAction(cloud, parseObject(request.body));
  if (ocppOf !== undefined && method === "GET") return json(200, cloud.ocpp);
  if (ocppOf !== undefined && method === "POST") return configureOcpp(cloud, parseObject(request.body));
  return refuse(405, "Method Not Allowed");
}

function parseObject(body: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? { ...parsed } : {};
  } catch {
    return {};
  }
}

const groups = (cloud: Cloud): Answer =>
  json(200, {
    result: {
      groups: [
        {
          id: 1,
          name: "Home",
          chargers: [
            { id: cloud.chargerId, name: "Quasar", serialNumber: String(cloud.chargerId), status: cloud.statusId },
          ],
        },
      ],
    },
  });

/** The fields that fact sheet v2g 3.2 lists. */
const chargerStatus = (cloud: Cloud): unknown => ({
  status_id: cloud.statusId,
  status_description: STATUS_TEXT[cloud.statusId] ?? "Unknown",
  name: "Quasar",
  charging_power: 0,
  charging_speed: 0,
  charging_time: 0,
  max_available_power: 32,
  added_energy: 0,
  added_discharged_energy: 0,
  added_range: 0,
  state_of_charge: null,
  cost: 0,
  current_mode: 1,
  depot_price: 0,
  ocpp_status: cloud.ocpp.type === "ocpp" ? 2 : 1,
  connections: 0,
  config_data: {
    locked: 0,
    max_charging_current: 32,
    icp_max_current: 32,
    energy_price: 0,
    currency: { code: "GBP" },
    serial_number: cloud.chargerId,
    part_number: "QSX0-2-2-2-0-002",
    software: { currentVersion: "3.4.0", updateAvailable: false },
    plan: { features: ["POWER_BOOST"] },
    ecosmart: { enabled: false, mode: 0 },
  },
});

function remoteAction(cloud: Cloud, { action }: Readonly<Record<string, unknown>>): Answer {
  if (typeof action !== "number" || ![1, 2, 3, 4, 5, 9].includes(action)) return refuse(400, "Unknown action");
  remember(cloud.actions, { chargerId: cloud.chargerId, action, atMs: cloud.clock.nowMs() });
  if (action === 1) cloud.statusId = CHARGING;
  if (action === 2) cloud.statusId = PAUSED;
  if (action === 3) restart(cloud);
  if (action === 5) cloud.statusId = UPDATING;
  return json(200, { data: { type: "remote_action", attributes: { action } } });
}

/** READY for a while, then gone, then READY again. */
function restart(cloud: Cloud): void {
  const { clock } = cloud;
  cloud.cancelRestart();
  cloud.statusId = WALLBOX_READY;
  cloud.cancelRestart = clock.after(RESTART_READY_MS, () => {
    cloud.statusId = DISCONNECTED;
    cloud.cancelRestart = clock.after(RESTART_DISCONNECTED_MS, () => {
      cloud.statusId = WALLBOX_READY;
    });
  });
  cloud.onRestart(cloud.chargerId);
}

function configureOcpp(cloud: Cloud, wanted: Readonly<Record<string, unknown>>): Answer {
  const { type, address = "", chargePointIdentity = "", password = "" } = wanted;
  const isComplete =
    (type === "ocpp" || type === "wallbox") &&
    typeof address === "string" &&
    typeof chargePointIdentity === "string" &&
    typeof password === "string";
  if (!isComplete) return refuse(400, "Incomplete configuration");
  cloud.ocpp = { type, address, chargePointIdentity, password };
  return json(200, cloud.ocpp);
}
