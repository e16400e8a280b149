import type { Cancel, Clock } from "../../model/clock.ts";
import type { Store } from "../store/store.ts";
import type { Item } from "./delivery.ts";
import type { Watch } from "./watch.ts";

/** A last look for edits may wait so long for a slow server, ms. */
const LOOK_MS = 1000;

/** A person's edit in the stored session stands against what we are about to write. */
export async function adoptEdits(
  items: readonly Item[],
  watches: ReadonlyMap<string, Watch>,
  store: Pick<Store, "findSession">,
  clock: Clock,
): Promise<readonly Item[]> {
  if (items.length === 0) return items;
  let isSlow = false;
  let stopWaiting: Cancel = () => {};
  const patience = new Promise<null>((resolve) => {
    stopWaiting = clock.after(LOOK_MS, () => {
      isSlow = true;
      resolve(null);
    });
  });
  const looked: Item[] = [];
  for (const item of items) {
    const watch = watches.get(item.device);
    const mayBeEdited = !isSlow && watch !== undefined && item.type !== "opened" && item.type !== "empty";
    const look = mayBeEdited ? store.findSession(item.session.sessionId).catch(() => null) : null;
    const stored = await Promise.race([look, patience]);
    looked.push(stored === null || watch === undefined ? item : watch.adopt(item, stored));
  }
  stopWaiting();
  return looked;
}
