import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { until } from "../support/until.ts";
import { mysqlQuery, postgresQuery } from "./databases.ts";
import { isListening, skip } from "./services.ts";

/*
 * Real servers of a test's own, each with a folder and a port of its own: they may be stopped and killed in the middle of
 * anything, and nobody else is disturbed.
 */

const run = promisify(execFile);

export interface OwnServer {
  readonly url: string;
  readonly port: number;
  /** Starts it, again or for the first time, and waits until it answers; nothing happens when it runs. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Ends it without a goodbye. */
  kill(): Promise<void>;
  /** Ends it and removes its folder. */
  remove(): Promise<void>;
}

interface Program {
  readonly name: string;
  /** absolute path, or null when it is not installed */
  readonly path: string | null;
  readonly scheme: string;
  readonly user: string;
  readonly stopSignal: NodeJS.Signals;
  readonly killSignal: NodeJS.Signals;
  /** the account it runs under; null = ours */
  readonly account: string | null;
  /** Rejects or says no while it is starting up. */
  isReady(url: string): Promise<boolean>;
  prepare(folder: string, port: number, as: { uid?: number; gid?: number }): Promise<readonly string[]>;
}

const installed = (...paths: readonly string[]): string | null => paths.find((path) => existsSync(path)) ?? null;
const isRoot = process.getuid?.() === 0;

const mosquitto: Program = {
  name: "Mosquitto",
  path: installed("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"),
  scheme: "mqtt",
  user: "",
  stopSignal: "SIGTERM",
  killSignal: "SIGKILL",
  account: null,
  isReady: isListening,
  async prepare(folder, port) {
    const file = join(folder, "mosquitto.conf");
    writeFileSync(file, `listener ${port} 127.0.0.1\nallow_anonymous true\n${isRoot ? "user root\n" : ""}`);
    return ["-c", file];
  },
};

const mariadb: Program = {
  name: "MariaDB",
  path: installed("/usr/sbin/mariadbd", "/usr/sbin/mysqld"),
  scheme: "mysql",
  user: "root@",
  stopSignal: "SIGTERM",
  killSignal: "SIGKILL",
  account: null,
  isReady: async (url) => (await mysqlQuery(url, "SELECT 1")).length === 1,
  async prepare(folder, port) {
    const data = join(folder, "data");
    const who = isRoot ? ["--user=root"] : [];
    const common = ["--no-defaults", `--datadir=${data}`];
    if (!existsSync(data)) {
      await run("mariadb-install-db", [
        ...common,
        ...who,
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
      ]);
    }
    const small = ["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M"];
    const place = [`--port=${port}`, "--bind-address=127.0.0.1", `--socket=${join(folder, "s")}`];
    return [...common, ...who, ...small, ...place, `--pid-file=${join(folder, "pid")}`];
  },
};

const postgresFolder = (): string => {
  const versions = existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql") : [];
  return `/usr/lib/postgresql/${versions.at(-1) ?? "none"}/bin`;
};
const postgres: Program = {
  name: "PostgreSQL",
  path: installed(join(postgresFolder(), "postgres")),
  scheme: "postgres",
  user: "postgres@",
  stopSignal: "SIGINT",
  // what a power cut leaves behind: all its processes end at once
  killSignal: "SIGQUIT",
  // it refuses to be run by root
  account: isRoot ? "postgres" : null,
  isReady: async (url) => (await postgresQuery(`${url}/postgres`, "SELECT 1")).length === 1,
  async prepare(folder, port, as) {
    const data = join(folder, "data");
    if (!existsSync(data)) {
      await run(join(postgresFolder(), "initdb"), ["-D", data, "-U", "postgres", "-A", "trust", "-N"], {
        ...as,
        cwd: folder,
      });
    }
    return ["-D", data, "-p", String(port), "-k", folder, "-c", "listen_addresses=127.0.0.1"];
  },
};

const programs = { mosquitto, mariadb, postgres };
export type OwnServerName = keyof typeof programs;

/** Makes one that is not started yet; skips the suite, saying why, when the program is not installed. */
export async function makeOwnServer(suite: Mocha.Context, which: OwnServerName): Promise<OwnServer> {
  const program: Program = programs[which];
  const { path } = program;
  if (path === null) return skip(suite, `${program.name} is not installed`);
  const folder = mkdtempSync(join(tmpdir(), `ev-${which}-`));
  const as = program.account === null ? {} : await idsOf(program.account);
  if (as.uid !== undefined && as.gid !== undefined) chownSync(folder, as.uid, as.gid);
  const port = await freePort();
  const url = `${program.scheme}://${program.user}127.0.0.1:${port}`;
  let child: ChildProcess | null = null;

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const running = child;
    if (running === null) return;
    child = null;
    const ended = new Promise((resolve) => running.once("close", resolve));
    running.kill(signal);
    await ended;
  };
  return {
    url,
    port,
    async start() {
      if (child !== null) return;
      const options = await program.prepare(folder, port, as);
      child = spawn(path, options, { ...as, cwd: folder, stdio: "ignore" });
      await until(`${program.name} answers`, () => program.isReady(url).catch(() => false), 60_000);
    },
    stop: () => end(program.stopSignal),
    kill: () => end(program.killSignal),
    async remove() {
      await end(program.killSignal);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function idsOf(account: string): Promise<{ uid?: number; gid?: number }> {
  const [uid, gid] = await Promise.all(["-u", "-g"].map((what) => run("id", [what, account])));
  return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
