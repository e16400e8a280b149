import type { Quasar } from "../../../lib/devices/quasar/quasar.ts";
import { defineNode, type RunningNode } from "../../shared/define-node.ts";
import type { NodeContext } from "../../shared/node-context.ts";

/** The farewell takes up to 4 s, and the nodes that use us close first. */
const CLOSE_WITHIN_MS = 6500;
const OCPP = "ocpp";

/** Config node: the one connection to a Wallbox Quasar, shared by all nodes that use it. */
export default defineNode({
  type: "ev-quasar-connection",
  credentials: { email: { type: "text" }, password: { type: "password" } },
  isConfigNode: true,
  closeWithinMs: CLOSE_WITHIN_MS,
  start,
});

async function start(context: NodeContext): Promise<RunningNode<Quasar>> {
  const { readSettings } = await import("./connection-settings.ts");
  const { openModbusTcp } = await import("../../../lib/devices/quasar/modbus.ts");
  const { createQuasar } = await import("../../../lib/devices/quasar/quasar.ts");
  const { clock, logger } = context;
  // whoever may see a log shall not learn whose charger it is
  if (context.credentials.email) context.addSecret(context.credentials.email);
  const { line, quasar: settings, cloud } = readSettings(context);
  const wasOcppOn = await context.recall(OCPP).catch(() => false);
  const quasar = createQuasar({
    settings,
    clock,
    logger,
    openLine: (signal) => openModbusTcp({ ...line, clock, signal }),
    cloud: cloud === null ? null : await openCloud(context, cloud),
    isOcppOn: wasOcppOn === true,
    onOcppChanged(isOn) {
      context.remember(OCPP, isOn).catch((thrown: unknown) => logger.warn(String(thrown)));
    },
    describe: ({ code, params }) => context.t(`ev-quasar-connection.fault.${code}`, params),
  });
  return { service: quasar, close: () => quasar.close() };
}

type CloudAccount = NonNullable<ReturnType<typeof import("./connection-settings.ts").readSettings>["cloud"]>;

async function openCloud(context: NodeContext, account: CloudAccount) {
  const { createWallboxCloud } = await import("../../../lib/devices/quasar/wallbox-cloud.ts");
  const { clock, logger } = context;
  return createWallboxCloud({ ...account, clock, logger, addSecret: (secret) => context.addSecret(secret) });
}
