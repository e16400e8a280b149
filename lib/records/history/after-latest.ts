import { toEvError } from "../../model/errors.ts";

/** A log writes a few revisions of a session at most while somebody edits it. */
const MOST_TRIES = 5;

/**
 * A change that reads a session and commits what it makes of it: read again when the log has stored a revision between the two,
 * so that neither overwrites the other.
 *
 * @throws EvError `stale` when that happens again and again
 */
export async function afterLatest<Answer>(change: () => Promise<Answer>): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    try {
      return await change();
    } catch (thrown) {
      if (toEvError(thrown).code !== "stale" || tries >= MOST_TRIES) throw thrown;
    }
  }
}
