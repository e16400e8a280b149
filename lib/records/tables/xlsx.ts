import { Worker } from "node:worker_threads";
import { workerFile } from "../../io/worker-file.ts";
import { EvError } from "../../model/errors.ts";
import { createBreather } from "./breathe.ts";
import type { Cell } from "./csv.ts";
import type { Table } from "./table.ts";
import type { XlsxRequest } from "./xlsx-worker.ts";

/** Rows that are handed over at once. */
const PIECE = 200;
/** Far more than the largest report needs, ms. */
const DEADLINE_MS = 120_000;

/**
 * A workbook of one sheet: numbers as numbers, times as dates, texts guarded as in CSV. Made in a thread of its own, because
 * ten thousand rows take the better part of a second.
 *
 * @throws EvError `unsupported` when the writer is not installed, `timeout`, `internal`
 */
export function xlsxOfTable(table: Table): Promise<Buffer> {
  const worker = new Worker(workerFile("records/tables/xlsx-worker"), { name: "ev-xlsx" });
  let patience: ReturnType<typeof setTimeout>;
  return new Promise<Buffer>((resolve, reject) => {
    patience = setTimeout(() => reject(new EvError("timeout", "The spreadsheet took too long.")), DEADLINE_MS);
    worker.on("message", (reply: Uint8Array | { readonly missing: string }) => {
      if (reply instanceof Uint8Array) resolve(Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength));
      else
        reject(new EvError("unsupported", "XLSX needs the package write-excel-file, which is not installed: use csv."));
    });
    worker.on("error", (cause) => {
      reject(new EvError("internal", "The spreadsheet could not be made.", { cause }));
    });
    handOver(worker, table).catch(reject);
  }).finally(() => {
    clearTimeout(patience);
    void worker.terminate();
  });
}

async function handOver(worker: Worker, { title, columns, rows, totals }: Table): Promise<void> {
  const breathe = createBreather();
  const post = (request: XlsxRequest): void => worker.postMessage(request, []);
  post({ type: "begin", title, columns });
  let piece: (readonly Cell[])[] = [];
  for await (const row of rows) {
    if (piece.push(row) === PIECE) {
      post({ type: "rows", rows: piece });
      piece = [];
    }
    await breathe();
  }
  post({ type: "rows", rows: piece });
  post({ type: "end", totals });
}
