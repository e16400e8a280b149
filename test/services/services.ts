import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { connect } from "node:net";
import { promisify } from "node:util";
import { until } from "../support/until.ts";

/*
 * The real servers that the service tests talk to: where they are, and how they are stopped and started where that is ours to do.
 * Addresses come from environment variables; the defaults are the usual local ports and accounts without a password.
 */

const run = promisify(execFile);

export interface Service {
  readonly name: "MariaDB" | "PostgreSQL" | "Mosquitto";
  /** Address as a URL; of a database server without a database. */
  readonly url: string;
  /** Why this server cannot be stopped and started from here; null = it can */
  stoppable(): Promise<string | null>;
  stop(): Promise<void>;
  /** Ends it without a goodbye. */
  kill(): Promise<void>;
  /** Starts it again and waits until it listens; nothing happens when it does already. */
  start(): Promise<void>;
}

const isLocal = (url: string): boolean => ["127.0.0.1", "localhost", "[::1]"].includes(new URL(url).hostname);

/** Whether somebody listens at the address. */
export function isListening(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(2000, () => end(false));
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}

/** Process ids of a program by its exact name. */
async function pidsOf(program: string): Promise<number[]> {
  const { stdout } = await run("pidof", ["-s", program]).catch(() => ({ stdout: "" }));
  return stdout.split(/\s+/).filter(Boolean).map(Number);
}

async function isInstalled(path: string): Promise<boolean> {
  return run("test", ["-x", path]).then(
    () => true,
    () => false,
  );
}

async function signal(program: string, name: NodeJS.Signals): Promise<void> {
  for (const pid of await pidsOf(program)) process.kill(pid, name);
}

interface Control {
  readonly program: string;
  /** absolute path of what starts it */
  readonly starter: string;
  start(): Promise<unknown>;
  stop?(): Promise<unknown>;
  kill?(): Promise<unknown>;
}

function service(name: Service["name"], url: string, control: Control): Service {
  const down = (): Promise<void> => until(`${name} is down`, async () => !(await isListening(url)), 20_000);
  return {
    name,
    url,
    async stoppable() {
      if (process.env.EV_MAY_STOP_SERVICES !== "1") {
        return `${name} is somebody's server: only with EV_MAY_STOP_SERVICES=1 do these tests stop and start it`;
      }
      if (!isLocal(url)) return `${name} runs on another machine`;
      if (process.getuid?.() !== 0) return `stopping ${name} needs root`;
      if (!(await isInstalled(control.starter))) return `${control.starter} is not installed`;
      return (await pidsOf(control.program)).length === 0 ? `${name} does not run on this machine` : null;
    },
    async stop() {
      await (control.stop?.() ?? signal(control.program, "SIGTERM"));
      await down();
    },
    async kill() {
      await (control.kill?.() ?? signal(control.program, "SIGKILL"));
      await down();
    },
    async start() {
      if (await isListening(url)) return;
      // one that is just ending holds its port and files
      await until(`${name} is gone`, async () => (await pidsOf(control.program)).length === 0, 20_000);
      await control.start();
      await until(`${name} listens`, () => isListening(url), 30_000);
    },
  };
}

/** `15 main`: the one cluster that Debian makes. */
async function cluster(): Promise<[string, string]> {
  const [version = ""] = await readdir("/etc/postgresql").catch(() => []);
  return [version, "main"];
}
const postgresControl = async (action: string, ...more: string[]): Promise<unknown> =>
  run("pg_ctlcluster", ["--skip-systemctl-redirect", ...(await cluster()), action, ...more]);

export const postgres: Service = service(
  "PostgreSQL",
  process.env.EV_TEST_POSTGRES_URL ?? "postgres://postgres@127.0.0.1:5432",
  {
    program: "postgres",
    starter: "/usr/bin/pg_ctlcluster",
    start: () => postgresControl("start"),
    stop: () => postgresControl("stop", "-m", "fast"),
    // what a power cut leaves behind, without touching shared memory of others
    kill: () => postgresControl("stop", "-m", "immediate"),
  },
);

export const mariadb: Service = service("MariaDB", process.env.EV_TEST_MYSQL_URL ?? "mysql://root@127.0.0.1:3306", {
  program: "mariadbd",
  starter: "/usr/sbin/mariadbd",
  start: () => run("start-stop-daemon", ["--start", "--oknodo", "--background", "--exec", "/usr/sbin/mariadbd"]),
});

export const mosquitto: Service = service("Mosquitto", process.env.EV_TEST_MQTT_URL ?? "mqtt://127.0.0.1:1883", {
  program: "mosquitto",
  starter: "/usr/sbin/mosquitto",
  start: () => run("mosquitto", ["-d", "-c", "/etc/mosquitto/mosquitto.conf"]),
});

/** In CI that promises the servers, one that is missing is a failure. */
const isRequired = process.env.CI === "true" && process.env.EV_REQUIRE_SERVICES === "1";

/** Skips the suite, saying why, when the server is not there. */
export async function needsService(suite: Mocha.Context, { name, url }: Service): Promise<void> {
  if (await isListening(url)) return;
  skip(suite, `${name} does not listen at ${new URL(url).host}`);
}

/** Skips the suite, saying why, when the server cannot be stopped from here. */
export async function needsControl(suite: Mocha.Context, server: Service): Promise<void> {
  await needsService(suite, server);
  const reason = await server.stoppable();
  if (reason !== null) skip(suite, reason);
}

function skip(suite: Mocha.Context, reason: string): void {
  if (isRequired) throw new Error(reason);
  console.log(`      skipped: ${reason}`);
  suite.skip();
}
