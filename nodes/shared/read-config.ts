import type { z } from "zod";
import { EvError } from "../../lib/model/errors.ts";

/**
 * Checks what the editor saved. Text fields arrive as strings, so schemas use `z.coerce`; an empty field counts as
 * missing and takes the schema's default.
 *
 * @throws EvError `config`, naming the field
 */
export function readConfig<Schema extends z.ZodType>(
  schema: Schema,
  config: Readonly<Record<string, unknown>>,
): z.output<Schema> {
  const filled = Object.fromEntries(Object.entries(config).filter(([, field]) => field !== "" && field !== null));
  const parsed = schema.safeParse(filled);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new EvError(
    "config",
    `Open the node and correct "${issue?.path.join(".") ?? "?"}": ${issue?.message ?? "not accepted"}.`,
  );
}
