import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { until } from "../support/until.ts";
import { isListening } from "./services.ts";

/*
 * Real servers of a test's own, each with a folder and a port of its own: they may be stopped and killed in the middle of
 * anything, and nobody else is disturbed.
 */

const run = promisify(execFile);

export interface OwnServer {
  readonly url: string;
  readonly port: number;
  /** Starts it, again or for the first time, and waits until it listens. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Ends it and removes its folder. */
  remove(): Promise<void>;
}

interface Program {
  readonly name: string;
  /** absolute path, or null when it is not installed */
  readonly path: string | null;
  readonly scheme: string;
  readonly stopSignal: NodeJS.Signals;
  /** the account it runs under; null = ours */
  readonly account: string | null;
  prepare(folder: string, port: number, as: { uid?: number; gid?: number }): Promise<readonly string[]>;
}

const installed = (...paths: readonly string[]): string | null => paths.find((path) => existsSync(path)) ?? null;
const isRoot = process.getuid?.() === 0;

const mosquitto: Program = {
  name: "Mosquitto",
  path: installed("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"),
  scheme: "mqtt",
  stopSignal: "SIGTERM",
  account: null,
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
  stopSignal: "SIGTERM",
  account: null,
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
  stopSignal: "SIGINT",
  // it refuses to be run by root
  account: isRoot ? "postgres" : null,
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

/** @returns null when the program is not installed, after saying so; where CI promises it, that is an error */
export async function makeOwnServer(which: OwnServerName): Promise<OwnServer | null> {
  const program: Program = programs[which];
  const { path } = program;
  if (path === null) {
    const reason = `${program.name} is not installed`;
    if (process.env["EV_REQUIRE_SERVICES"] === "1") throw new Error(reason);
    console.log(`      skipped: ${reason}`);
    return null;
  }
  const folder = mkdtempSync(join(tmpdir(), `ev-${which}-`));
  const as = program.account === null ? {} : await idsOf(program.account);
  if (as.uid !== undefined && as.gid !== undefined) chownSync(folder, as.uid, as.gid);
  const port = await freePort();
  const url = `${program.scheme}://${which === "mosquitto" ? "" : which === "mariadb" ? "root@" : "postgres@"}127.0.0.1:${port}`;
  let child: ChildProcess | null = null;

  const stop = async (): Promise<void> => {
    const running = child;
    if (running === null) return;
    child = null;
    const ended = new Promise((resolve) => running.once("close", resolve));
    running.kill(program.stopSignal);
    await ended;
  };
  return {
    url,
    port,
    async start() {
      const options = await program.prepare(folder, port, as);
      child = spawn(path, options, { ...as, cwd: folder, stdio: "ignore" });
      await until(`${program.name} listens`, () => isListening(url), 60_000);
    },
    stop,
    async remove() {
      await stop();
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
