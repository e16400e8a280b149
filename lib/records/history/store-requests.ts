import { z } from "zod";
import { EvError } from "../../model/errors.ts";
import type { Store } from "../store/store.ts";

/*
 * What `ev-history` passes on to the store itself: copies, bringing one back, and sending what waits for a server.
 */

const backupName = z.string().min(1).max(200);

export const storeRequestSchema = z.discriminatedUnion("command", [
  z.strictObject({ command: z.literal("backup"), name: backupName.optional() }),
  z.strictObject({ command: z.literal("backups") }),
  /** puts a copy in the place of everything; `confirm` so that nobody does it by mistake */
  z.strictObject({ command: z.literal("restore"), name: backupName, confirm: z.boolean().optional() }),
  z.strictObject({ command: z.literal("flush") }),
]);
export type StoreRequest = z.output<typeof storeRequestSchema>;

export const STORE_WORDS: readonly string[] = storeRequestSchema.options.map((option) => option.shape.command.value);
export const STORE_WORDS_ALONE: readonly string[] = ["backup", "backups", "flush"];

/**
 * The request in `msg.payload` when it is one for the store; null when it is another.
 *
 * @throws EvError `bad-command`
 */
export function readStoreRequest(payload: unknown): StoreRequest | null {
  if (typeof payload === "string") {
    const word = payload.trim().toLowerCase();
    return STORE_WORDS_ALONE.includes(word) ? storeRequestSchema.parse({ command: word }) : null;
  }
  const command = typeof payload === "object" && payload !== null && "command" in payload ? payload.command : null;
  if (typeof command !== "string" || !STORE_WORDS.includes(command)) return null;
  const parsed = storeRequestSchema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new EvError(
    "bad-command",
    `"${command}": ${issue?.path.join(".") ?? ""} ${issue?.message ?? "not accepted"}. Accepted: {"command":"backup","name"}, ` +
      `{"command":"backups"}, {"command":"restore","name","confirm":true}, {"command":"flush"}.`,
  );
}

/** Whether it puts something else in the place of what is stored. */
export const replacesAll = ({ command }: StoreRequest): boolean => command === "restore";

/** @throws EvError `refused` for a restore that is not confirmed; `io`, `unsupported`, ... of the store */
export async function answerStoreRequest(store: Store, request: StoreRequest): Promise<unknown> {
  if (request.command === "backup") return store.backup(request.name);
  if (request.command === "backups") return store.listBackups();
  if (request.command === "flush") return { waiting: await store.flush() };
  if (request.confirm !== true) {
    throw new EvError(
      "refused",
      `Restoring replaces everything that is stored. Send it again with "confirm": true when that is what you want.`,
    );
  }
  return store.restore(request.name);
}
