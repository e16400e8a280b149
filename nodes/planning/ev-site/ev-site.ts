import { defineNode } from "../../shared/define-node.ts";
import { readConfig } from "../../shared/read-config.ts";

/** Config node: the house that all controllers share. */
export default defineNode({
  type: "ev-site",
  isConfigNode: true,
  start: async ({ config }) => {
    const { createSite, siteSettingsSchema } = await import("../../../lib/planning/control/site.ts");
    return { service: createSite(readConfig(siteSettingsSchema, config)) };
  },
});
