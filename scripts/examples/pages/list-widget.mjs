/*
 * What a widget that asks the flow for rows does, whatever it shows. The template names these methods by writing LIST_METHODS
 * among its own; it brings `topic` (which widget it is to the flow), `refresh()` and `onAnswer(answer)`.
 */
import { newAsker } from "./asking.mjs";
import { newEar } from "./ear.mjs";

/** The data that the methods below work with. */
export function newList() {
  return {
    nowMs: Date.now(),
    ear: newEar(),
    asker: newAsker(),
    /** @type {number | null} the page's counter of changes when the rows were asked for */
    news: null,
    /** @type {any} null = not yet answered */
    rows: null,
    problem: "",
    askedMs: 0,
    ticking: /** @type {ReturnType<typeof setInterval> | undefined} */ (undefined),
  };
}

/**
 * @typedef {ReturnType<typeof newList> & {
 *   id: string, topic: string, kit: any, msg: { payload?: unknown }, $socket: any,
 *   send(message: object): void, refresh(): void, onAnswer(answer: import("./asking.mjs").Answer): void,
 *   put(what: string, payload: object): void, hearMessage(message: unknown): void, tick(): void,
 * }} ListWidget
 */

/** @type {Record<string, (this: ListWidget, ...given: any[]) => void>} */
export const listMethods = {
  put(what, payload) {
    const { asker, ask } = this.kit.askNext(this.asker, what, Date.now());
    this.asker = asker;
    if (what === "list") this.askedMs = Date.now();
    this.send({ topic: this.topic, ask, payload });
  },
  hearMessage(message) {
    const payload = message?.payload;
    if (this.kit.isPage(payload)) {
      this.ear = this.kit.listen(this.ear, payload, Date.now());
      const isNews = this.news !== null && this.news !== payload.news;
      this.news = payload.news;
      if (isNews) this.refresh();
      return;
    }
    const { asker, answer } = this.kit.takeAnswer(this.asker, payload);
    this.asker = asker;
    if (answer === null) return;
    if (answer.ask.what === "list") this.problem = answer.error ?? "";
    this.onAnswer(answer);
  },
  startListening() {
    // not "watch msg", which sees only the last of two messages that come together
    this.$socket.on(`msg-input:${this.id}`, this.hearMessage);
    this.hearMessage(this.msg);
    this.refresh();
    this.ticking = setInterval(() => this.tick(), 1000);
  },
  stopListening() {
    this.$socket.off(`msg-input:${this.id}`, this.hearMessage);
    clearInterval(this.ticking);
  },
  tick() {
    this.nowMs = Date.now();
    if (this.kit.isUnanswered(this.asker, "list", this.nowMs)) this.problem = "unanswered";
    // whatever was wrong may be over
    if (this.problem !== "" && this.nowMs - this.askedMs > this.kit.UNANSWERED_AFTER_MS) this.refresh();
  },
};
