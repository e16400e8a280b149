/* `/logs` (fact sheet openevse 5): one line per change of state or flags, in blocks. */

export interface LogEvent {
  readonly time: string;
  readonly type: "information" | "notification" | "warning";
  readonly managerState: string;
  readonly evseState: number;
  readonly evseFlags: number;
  readonly pilot: number;
  /** session Wh at that instant */
  readonly energy: number;
  readonly elapsed: number;
  readonly temperature: number;
  readonly temperatureMax: number;
  readonly divertMode: number;
  readonly shaper: number;
}

const BLOCK_EVENTS = 64;
const MOST_BLOCKS = 16;
/** Nothing is logged before the clock is set. */
const EARLIEST_MS = Date.UTC(2021, 0);

export class EventLog {
  readonly #blocks: LogEvent[][] = [[]];
  #min = 0;

  add(event: LogEvent): void {
    if (Date.parse(event.time) < EARLIEST_MS) return;
    const last = this.#blocks.at(-1) ?? [];
    if (last.length < BLOCK_EVENTS) {
      last.push(event);
      return;
    }
    this.#blocks.push([event]);
    if (this.#blocks.length <= MOST_BLOCKS) return;
    this.#blocks.shift();
    this.#min++;
  }
  get range(): { readonly min: number; readonly max: number } {
    return { min: this.#min, max: this.#min + this.#blocks.length - 1 };
  }
  block(number: number): readonly LogEvent[] | undefined {
    return this.#blocks[number - this.#min];
  }
}
