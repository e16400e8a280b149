import { join, resolve } from "node:path";
import { z } from "zod";
import type { StoreSettings } from "../../../lib/records/store/open-store.ts";
import { EvError } from "../../../lib/model/errors.ts";
import type { NodeContext } from "../../shared/node-context.ts";
import { readConfig } from "../../shared/read-config.ts";

/** What the dialog saves. */
const configSchema = z.object({
  kind: z.enum(["sqlite", "mysql", "postgres"]).default("sqlite"),
  file: z
    .string()
    .trim()
    .max(1000)
    .refine((path) => !path.includes("\0"), "a path")
    .optional(),
  url: z.string().trim().max(1000).default(""),
  tls: z.enum(["off", "verified", "any"]).default("off"),
  keepReadingsDays: z.coerce.number().int().min(0).max(36_500).default(0),
  backupsKept: z.coerce.number().int().min(0).max(365).default(7),
});

const SCHEMES = { mysql: /^(mysql|mariadb):\/\//i, postgres: /^(postgres|postgresql):\/\//i } as const;

/** @throws EvError `config`, naming the field */
export function readStoreSettings(
  { config, credentials, id }: Pick<NodeContext, "config" | "credentials" | "id">,
  userDirectory: string,
): StoreSettings {
  const { kind, file, url, tls, keepReadingsDays, backupsKept } = readConfig(configSchema, config);
  const plainId = id.replaceAll(/[^A-Za-z0-9]/g, "_");
  const common = {
    file: file === undefined ? join(userDirectory, "ev-charging", `${plainId}.sqlite`) : resolve(userDirectory, file),
    keepReadingsDays: keepReadingsDays === 0 ? null : keepReadingsDays,
    backupsKept,
  };
  if (kind === "sqlite") return common;
  if (!SCHEMES[kind].test(url)) {
    throw new EvError(
      "config",
      `Open the store and enter the address of the database, such as ${kind}://host/database.`,
    );
  }
  const { user = "", password = "" } = credentials;
  return {
    ...common,
    server: { url, user, password, tls: tls === "off" ? null : { ca: null, isAnyCertificateAccepted: tls === "any" } },
  };
}
