import assert from "node:assert/strict";
import { createManualClock } from "../../../../lib/model/clock.ts";
import { EvError } from "../../../../lib/model/errors.ts";
import { silentLogger } from "../../../../lib/model/logger.ts";
import { createHealthBoard } from "../../../../lib/records/store/health.ts";
import { createWriteQueue } from "../../../../lib/records/store/write-queue.ts";

describe("writes while the disk refuses", () => {
  const make = (mostBytes?: number) => {
    const clock = createManualClock(0);
    const board = createHealthBoard();
    const lines: string[] = [];
    const logger = {
      ...silentLogger,
      error: (text: string) => void lines.push(text),
      info: (text: string) => void lines.push(text),
    };
    return { clock, board, lines, queue: createWriteQueue(clock, board, logger, mostBytes) };
  };
  const full = (): Promise<never> => Promise.reject(new EvError("io", "full"));

  it("wait in their order, are told once, and answer only when written", async () => {
    const { clock, board, lines, queue } = make();
    let isFull = true;
    const written: number[] = [];
    const pushes = [1, 2, 3].map((what) => queue.push(10, async () => (isFull ? full() : void written.push(what))));
    await clock.advanceAsync(60_000);
    assert.deepEqual([written, lines.length, board.present.state, board.present.waiting], [[], 1, "failed", 3]);
    isFull = false;
    await clock.advanceAsync(20_000);
    await Promise.all(pushes);
    assert.deepEqual([written, lines.length, board.present], [[1, 2, 3], 2, { state: "ok", waiting: 0 }]);
  });

  it("are refused when no more fit in memory", async () => {
    const { clock, queue } = make(25);
    const first = queue.push(20, full).catch((error: EvError) => error.code);
    await clock.advanceAsync(10);
    await assert.rejects(queue.push(20, full), (error) => error instanceof EvError && error.code === "io");
    await queue.close();
    assert.equal(await first, "io");
  });

  it("do not wait behind one that is wrong in itself", async () => {
    const { queue, board } = make();
    const wrong = queue.push(1, () => Promise.reject(new EvError("internal", "does not fit")));
    const right = queue.push(1, async () => "written");
    await assert.rejects(wrong);
    assert.equal(await right, "written");
    assert.equal(board.present.state, "ok");
  });

  it("are refused after the end", async () => {
    const { queue } = make();
    await queue.close();
    await assert.rejects(
      queue.push(1, async () => 1),
      (error) => error instanceof EvError && error.code === "closed",
    );
  });
});
