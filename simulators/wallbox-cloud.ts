import { type Cancel, type Clock, systemClock } from "../lib/model/clock.ts";
import { type DeviceRequest, type DeviceWebServer, startDeviceWebServer } from "./web/device-web-server.ts";
import { RunningWebDevice } from "./web/running-web-device.ts";
import type { RunningSimulator } from "./simulator.ts";
import { chargerGroups, chargerStatus, type OcppConfiguration, statusIds } from "./wallbox/charger.ts";
import { createWallboxAccount, json, refuse, type WallboxAccount } from "./wallbox/account.ts";
import { type Answer, isHttpFault } from "./web/wire-faults.ts";

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

/** Field-observed course of a restart. */
const RESTART_READY_MS = 10_000;
const RESTART_DISCONNECTED_MS = 90_000;
const LONGEST_RECORD = 10_000;

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
    statusId: statusIds.ready,
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

class RunningCloud extends RunningWebDevice implements WallboxCloudSimulator {
  readonly #cloud: Cloud;

  constructor(cloud: Cloud, server: DeviceWebServer) {
    super(server);
    this.#cloud = cloud;
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
  setFault(fault: WallboxCloudFault | null): void {
    this.#cloud.fault = fault;
    this.server.setFault(isHttpFault(fault) ? fault : null);
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
    await this.server.stop();
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
  if (path === "/v3/chargers/groups")
    return method === "GET" ? json(200, chargerGroups(cloud)) : refuse(405, "Method Not Allowed");
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

function remoteAction(cloud: Cloud, { action }: Readonly<Record<string, unknown>>): Answer {
  if (typeof action !== "number" || ![1, 2, 3, 4, 5, 9].includes(action)) return refuse(400, "Unknown action");
  remember(cloud.actions, { chargerId: cloud.chargerId, action, atMs: cloud.clock.nowMs() });
  if (action === 1) cloud.statusId = statusIds.charging;
  if (action === 2) cloud.statusId = statusIds.paused;
  if (action === 3) restart(cloud);
  if (action === 5) cloud.statusId = statusIds.updating;
  return json(200, { data: { type: "remote_action", attributes: { action } } });
}

/** READY for a while, then gone, then READY again. */
function restart(cloud: Cloud): void {
  const { clock } = cloud;
  cloud.cancelRestart();
  cloud.statusId = statusIds.ready;
  cloud.cancelRestart = clock.after(RESTART_READY_MS, () => {
    cloud.statusId = statusIds.disconnected;
    cloud.cancelRestart = clock.after(RESTART_DISCONNECTED_MS, () => {
      cloud.statusId = statusIds.ready;
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
