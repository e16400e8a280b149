import { CLIENT, type Properties } from "./claims.ts";
import { limitDocument } from "./session-limit.ts";
import type { ModuleParts } from "./module-parts.ts";

/* The retained documents (fact sheet openevse 3.4). The text "null" is literal. */

export type RetainedDocument = "override" | "claim" | "limit" | "schedule" | "config";

const bodies: Readonly<Record<RetainedDocument, (module: ModuleParts) => unknown>> = {
  override: ({ claims }) => propertiesOf(claims.get(CLIENT.override)) ?? { state: "null" },
  claim: ({ claims }) => {
    const claim = claims.get(CLIENT.mqtt);
    return claim === undefined ? { state: "null" } : { priority: claim.priority, ...propertiesOf(claim) };
  },
  limit: ({ limit }) => limitDocument(limit),
  schedule: ({ schedule }) => schedule.list(),
  config: ({ settings }) => settings.document,
};

export const documentOf = (module: ModuleParts, name: RetainedDocument): unknown => bodies[name](module);

/** Without the client and its rank. */
export function propertiesOf(claim: Properties | undefined): Properties | null {
  if (claim === undefined) return null;
  const { state, charge_current, max_current, auto_release } = claim;
  return {
    ...(state === undefined ? {} : { state }),
    ...(charge_current === undefined ? {} : { charge_current }),
    ...(max_current === undefined ? {} : { max_current }),
    auto_release,
  };
}
