import { readFile } from "node:fs/promises";
import { EvError } from "../../model/errors.ts";
import type { Store } from "../store/store.ts";
import { replaceFile } from "./summary-folder.ts";

/** Where it is kept which months were reported; it outlives the process and a power cut. */
export interface ReportMemory {
  /** undefined = nothing yet. @throws EvError `io`, `unreachable` */
  recall(): Promise<string | undefined>;
  remember(kept: string): Promise<void>;
}

/** In the store, beside the minutes. */
export function storeMemory(store: Store, name: string): ReportMemory {
  return {
    recall: async () => (await store.recall(name)) ?? undefined,
    async remember(content) {
      await store.commit({ kept: [{ name, content }] });
    },
  };
}

/** In a file of its own. The flow's context would not do: unless set up otherwise, Node-RED forgets it when it stops. */
export function fileMemory(path: string): ReportMemory {
  return {
    async recall() {
      try {
        return await readFile(path, "utf8");
      } catch (thrown) {
        const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : String(thrown);
        if (code === "ENOENT") return undefined;
        throw new EvError("io", `${path} cannot be read: ${code}.`, { cause: thrown });
      }
    },
    remember: (kept) => replaceFile(path, kept),
  };
}
