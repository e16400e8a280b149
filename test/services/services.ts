import { connect } from "node:net";

/*
 * The shared servers that the service tests talk to, by address: they are read and written, each test in a database of its own, and
 * never stopped. What stops, kills or freezes a server starts one of its own (`own-servers.ts`). Addresses come from environment
 * variables; the defaults are the usual local ports and accounts without a password.
 */

export interface Service {
  readonly name: "MariaDB" | "PostgreSQL";
  /** Address as a URL, without a database. */
  readonly url: string;
}

export const postgres: Service = {
  name: "PostgreSQL",
  url: process.env.EV_TEST_POSTGRES_URL ?? "postgres://postgres@127.0.0.1:5432",
};
export const mariadb: Service = {
  name: "MariaDB",
  url: process.env.EV_TEST_MYSQL_URL ?? "mysql://root@127.0.0.1:3306",
};

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

/** Skips the suite, saying why, when the server is not there. */
export async function needsService(suite: Mocha.Context, { name, url }: Service): Promise<void> {
  if (!(await isListening(url))) skip(suite, `${name} does not listen at ${new URL(url).host}`);
}

/** Skips the suite; where CI promises the servers, one that is missing is a failure. */
export function skip(suite: Mocha.Context, reason: string): never {
  if (process.env.EV_REQUIRE_SERVICES === "1") throw new Error(reason);
  console.log(`      skipped: ${reason}`);
  return suite.skip();
}
