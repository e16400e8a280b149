/**
 * The usual list of sentences, and three things more: what was skipped is named again at the end; a test run that does not
 * end because something still hangs on the event loop fails and says what; EV_TEST_RESULTS names a file that gets the counts.
 */
import { appendFileSync } from "node:fs";
import mocha from "mocha";

const ENDS_WITHIN_MS = 10_000;

export default class Reporter extends mocha.reporters.Spec {
  /**
   * @param {import("mocha").Runner} runner
   * @param {object} options
   */
  constructor(runner, options) {
    super(runner, options);
    /** @type {string[]} */
    const skipped = [];
    runner.on("pending", (test) => skipped.push(test.fullTitle()));
    runner.once("end", () => {
      if (skipped.length > 0) console.log(`Skipped:\n${skipped.map((title) => `  - ${title}`).join("\n")}\n`);
      this.#writeCounts();
      failWhenHanging();
    });
  }

  #writeCounts() {
    const file = process.env.EV_TEST_RESULTS;
    if (!file) return;
    const { passes, failures, pending } = this.stats;
    const runner = process.env.EV_TEST_RUNNER ?? "mocha";
    appendFileSync(file, `${JSON.stringify({ runner, passed: passes, failed: failures, pending })}\n`);
  }
}

/** Sockets, servers and timers that outlive the tests are faults: this timer itself keeps nothing alive. */
function failWhenHanging() {
  setTimeout(() => {
    console.error(`The tests ended, but something still runs: ${process.getActiveResourcesInfo().join(", ")}`);
    process.on("exit", () => (process.exitCode = 1)); // after mocha's own, which sets the number of failures
    process.exit(1);
  }, ENDS_WITHIN_MS).unref();
}
