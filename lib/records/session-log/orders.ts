import { EvError } from "../../model/errors.ts";
import { openEntries } from "./device-log.ts";
import type { AnnotateRequest } from "./requests.ts";
import type { Watch } from "./watch.ts";

/** The charger that is meant when perhaps none is named. @throws EvError `bad-command` */
export function meantWatch(
  watches: ReadonlyMap<string, Watch>,
  device: string | undefined,
  isPossible: (watch: Watch) => boolean,
): Watch {
  if (device !== undefined) {
    const named = watches.get(device);
    if (named === undefined) throw new EvError("refused", `No session of "${device.slice(0, 40)}" is known.`);
    return named;
  }
  const possible = [...watches.values()].filter(isPossible);
  const [only] = possible;
  if (only !== undefined && possible.length === 1) return only;
  if (possible.length === 0) throw new EvError("refused", "There is no session.");
  const names = possible.map((watch) => watch.device).join(", ");
  throw new EvError("bad-command", `Say which charger is meant, with "device": ${names.slice(0, 200)}.`);
}

export function annotateSession(
  { device, command: _command, ...said }: AnnotateRequest,
  watches: ReadonlyMap<string, Watch>,
): void {
  const hasOpen = [...watches.values()].some(({ entries }) => openEntries(entries).length > 0);
  const watch = meantWatch(watches, device, ({ entries }) => (hasOpen ? openEntries(entries) : entries).length > 0);
  if (!watch.annotate(said)) throw new EvError("refused", `There is no session of "${watch.device}" yet.`);
}
