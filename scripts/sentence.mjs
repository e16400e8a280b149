/**
 * How our commands fail: one clear sentence for the person at the keyboard and exit code 1. Anything else that is thrown
 * is a fault of ours and shows its stack. Runs on any Node from 18.
 */
export class CannotGoOn extends Error {
  /** @param {string} sentence what is wrong and what to do next */
  constructor(sentence) {
    super(sentence);
    this.name = "CannotGoOn";
  }
}

/**
 * Runs a command's main function and turns its outcome into an exit code.
 * @param {() => Promise<number | void>} run resolves with the exit code, 0 when it resolves with nothing
 */
export async function runCommand(run) {
  try {
    process.exitCode = (await run()) ?? 0;
  } catch (error) {
    console.error(error instanceof CannotGoOn ? error.message : error);
    process.exitCode = 1;
  }
}
