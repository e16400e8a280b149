import { EvError } from "../../model/errors.ts";

/** Where a database server is, and who we are there. */
export interface ServerAddress {
  readonly flavour: "mysql" | "postgres";
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** null = no TLS */
  readonly tls: { readonly ca: string | null; readonly isAnyCertificateAccepted: boolean } | null;
}

export interface ServerSettings {
  /** `mysql://host:3306/database`, `mariadb://...`, `postgres://host:5432/database` */
  readonly url: string;
  readonly user?: string;
  readonly password?: string;
  readonly tls?: ServerAddress["tls"];
}

const FLAVOURS: Readonly<Record<string, { readonly flavour: ServerAddress["flavour"]; readonly port: number }>> = {
  "mysql:": { flavour: "mysql", port: 3306 },
  "mariadb:": { flavour: "mysql", port: 3306 },
  "postgres:": { flavour: "postgres", port: 5432 },
  "postgresql:": { flavour: "postgres", port: 5432 },
};

/** @throws EvError `config`, without the password in its text */
export function readServerAddress({ url, user = "", password = "", tls = null }: ServerSettings): ServerAddress {
  let parsed: URL;
  try {
    parsed = new URL(url.trim());
  } catch (cause) {
    throw new EvError("config", "Enter the database as mysql://host/database or postgres://host/database.", { cause });
  }
  const known = FLAVOURS[parsed.protocol];
  if (known === undefined) {
    throw new EvError(
      "config",
      `A database address begins with mysql://, mariadb:// or postgres://, not ${parsed.protocol}//.`,
    );
  }
  const database = decode(parsed.pathname.slice(1));
  if (!/^[\w$.-]{1,64}$/.test(database)) {
    throw new EvError("config", "The database address must end with the name of the database, such as /evcharging.");
  }
  if (parsed.hostname === "") throw new EvError("config", "The database address has no host.");
  return {
    flavour: known.flavour,
    host: parsed.hostname.replace(/^\[|\]$/g, ""),
    port: parsed.port === "" ? known.port : Number(parsed.port),
    database,
    user: user === "" ? decode(parsed.username) : user,
    password: password === "" ? decode(parsed.password) : password,
    tls,
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new EvError("config", "The database address has a % that stands for nothing.", { cause });
  }
}
