/*
 * How long the event loop was held, told apart from the machine's noise: beside the wall time of the longest turn stands the
 * processor time that the main thread itself used in a turn, and how long an empty loop was held on the same machine.
 */

export interface Hold {
  /** longest turn as the clock on the wall saw it: our work, and whatever else the machine had to do meanwhile */
  readonly wallMs: number;
  /** most that the main thread itself worked in one turn: our code, its share of collecting garbage, the kernel's work for it */
  readonly ownMs: number;
}

export interface Holds extends Hold {
  /** the same of a loop that had nothing to do, for as long, right before */
  readonly empty: Hold;
}

/** Processor time of this thread, exact: asking for the whole process brings the kernel's count of this thread up to date. */
function ownNow(): number {
  process.cpuUsage();
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Longest turns while `work` runs, in several rounds: the medians over the rounds. A timer of 1 ms is what is kept waiting. */
export async function measureHolds(work: () => Promise<unknown>, rounds = 7): Promise<Holds> {
  const ours: Hold[] = [];
  const empty: Hold[] = [];
  for (let round = 0; round < rounds; round++) {
    // what the bench itself has made is no part of the work
    globalThis.gc?.();
    const beganMs = performance.now();
    ours.push(await longestTurn(work));
    const tookMs = performance.now() - beganMs;
    empty.push(await longestTurn(() => new Promise((resolve) => setTimeout(resolve, Math.min(500, tookMs)))));
  }
  return { ...medianHold(ours), empty: medianHold(empty) };
}

/** `own work 1.2 ms, held 3.4 ms (an empty loop: 2.9 ms)` */
export const tellHolds = ({ wallMs, ownMs, empty }: Holds): string =>
  `own work ${ownMs.toFixed(1)} ms, held ${wallMs.toFixed(1)} ms (an empty loop: ${empty.wallMs.toFixed(1)} ms)`;

async function longestTurn(work: () => Promise<unknown>): Promise<Hold> {
  let [wallMs, ownMs] = [0, 0];
  let [lastMs, lastOwnMs] = [performance.now(), ownNow()];
  const look = (): void => {
    const nowMs = performance.now();
    const nowOwnMs = ownNow();
    wallMs = Math.max(wallMs, nowMs - lastMs - 1);
    ownMs = Math.max(ownMs, nowOwnMs - lastOwnMs);
    [lastMs, lastOwnMs] = [nowMs, nowOwnMs];
  };
  const timer = setInterval(look, 1);
  await work();
  look();
  clearInterval(timer);
  return { wallMs, ownMs };
}

const medianHold = (holds: readonly Hold[]): Hold => ({
  wallMs: median(holds.map((hold) => hold.wallMs)),
  ownMs: median(holds.map((hold) => hold.ownMs)),
});

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
