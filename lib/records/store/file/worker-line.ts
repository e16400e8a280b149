import { Worker } from "node:worker_threads";
import { workerFile } from "../../../io/worker-file.ts";
import { EvError, type EvErrorCode } from "../../../model/errors.ts";
import type { FileEvent } from "./open-file.ts";
import type { QuestionName, Questions, Reply, WorkerSettings } from "./worker-protocol.ts";

/** The line to the worker thread that owns the file. */
export interface WorkerLine {
  ask<Name extends QuestionName>(
    name: Name,
    ask: Questions[Name]["ask"],
    transfer?: readonly ArrayBuffer[],
  ): Promise<Questions[Name]["answer"]>;
  /** Ends the thread, whatever it does. */
  terminate(): Promise<void>;
  /** false = the thread has died */
  readonly isAlive: boolean;
}

export function openWorker(settings: WorkerSettings, tell: (event: FileEvent) => void): WorkerLine {
  const worker = new Worker(workerFile("records/store/file/worker"), { workerData: settings, name: "ev-store" });
  const waiting = new Map<number, { resolve: (answer: never) => void; reject: (error: EvError) => void }>();
  let latest = 0;
  let isAlive = true;

  worker.on("message", (reply: Reply) => {
    if ("events" in reply) {
      reply.events.forEach(tell);
      return;
    }
    const asked = waiting.get(reply.id);
    waiting.delete(reply.id);
    // an idle store does not keep the process
    if (waiting.size === 0) worker.unref();
    if ("error" in reply) {
      const { code, text, detail } = reply.error;
      asked?.reject(new EvError(code as EvErrorCode, text, { detail }));
    } else asked?.resolve(reply.answer as never);
  });
  const die = (cause: unknown): void => {
    isAlive = false;
    for (const { reject } of waiting.values()) {
      reject(new EvError("io", "The thread that writes the records has ended.", { cause }));
    }
    waiting.clear();
  };
  worker.on("error", die);
  worker.on("exit", die);
  worker.unref();

  return {
    ask(name, ask, transfer = []) {
      if (!isAlive) return Promise.reject(new EvError("io", "The thread that writes the records has ended."));
      return new Promise((resolve, reject) => {
        const id = ++latest;
        waiting.set(id, { resolve, reject });
        worker.ref();
        worker.postMessage({ id, name, ask }, [...transfer]);
      });
    },
    async terminate() {
      await worker.terminate();
    },
    get isAlive() {
      return isAlive;
    },
  };
}
