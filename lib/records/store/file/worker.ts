import { parentPort, workerData } from "node:worker_threads";
import { createFileDesk } from "./file-desk.ts";
import { toStoreError } from "./sqlite-errors.ts";
import type { QuestionName, Reply, Request, WorkerSettings } from "./worker-protocol.ts";

/*
 * The worker thread of a store: all of node:sqlite happens in here, so that neither a slow SD card nor a long report ever
 * holds up Node-RED.
 */

/** Readings are on disk this much later at the latest, ms. */
const SYNC_AFTER_MS = 1000;

const line = parentPort;
// not a window's postMessage, which wants an origin
const reply = (told: Reply): void => line?.postMessage(told, []);
const desk = createFileDesk(workerData as WorkerSettings, (events) => reply({ events }));

let syncTimer: ReturnType<typeof setTimeout> | null = null;

function syncLater(): void {
  syncTimer ??= setTimeout(() => {
    syncTimer = null;
    try {
      desk.sync();
    } catch {
      // a full disk shows itself at the next write too, which somebody waits for
    }
  }, SYNC_AFTER_MS);
}

line?.on("message", ({ id, name, ask }: Request) => {
  try {
    const answer = (desk[name] as (asked: unknown) => unknown)(ask);
    reply({ id, answer });
    if (name === "append") syncLater();
    if (name === ("close" satisfies QuestionName)) {
      if (syncTimer !== null) clearTimeout(syncTimer);
      line?.close();
    }
  } catch (thrown) {
    const { code, message, detail } = toStoreError(thrown);
    reply({ id, error: { code, text: message, ...(detail === undefined ? {} : { detail }) } });
  }
});
