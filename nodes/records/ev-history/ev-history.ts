import type { HistoryAnswer } from "../../../lib/records/history/answers.ts";
import type { Store, StoreHealth } from "../../../lib/records/store/store.ts";
import type { SiteSettings } from "../../../lib/planning/control/site.ts";
import { EvError } from "../../../lib/model/errors.ts";
import { contentDisposition } from "../../../lib/records/tables/file-name.ts";
import { defineNode, type RunningNode } from "../../shared/define-node.ts";
import type { NodeContext } from "../../shared/node-context.ts";
import type { NodeMessage } from "../../shared/node-red.d.ts";

/** The stored sessions: asked, exported and edited by message. */
export default defineNode({ type: "ev-history", start });

/** What an answer may carry; an older answer's parts in the same message would mislead. */
const PARTS = ["command", "totals", "count", "columns", "fileName", "contentType", "session"] as const;

async function start(context: NodeContext): Promise<RunningNode> {
  const { readSettings } = await import("./history-settings.ts");
  const { answerHistory } = await import("../../../lib/records/history/history.ts");
  const { readHistoryRequest } = await import("../../../lib/records/history/read-request.ts");
  const { isChange } = await import("../../../lib/records/history/requests.ts");
  const { answerStoreRequest, readStoreRequest, replacesAll } = await import(
    "../../../lib/records/history/store-requests.ts"
  );

  const { allowsEdits, ...settings } = readSettings(context.config, await findHouse(context));
  const store = await context.use<Store>(context.config.store, "ev-store");
  const parts = { ...settings, store, clock: context.clock, texts: (key: string) => context.t(`ev-history.${key}`) };
  context.onClose(store.subscribe((health) => showHealth(context, health)));

  function refuseChange(message: NodeMessage): void {
    if (message.retain === true) {
      throw new EvError("stale", "A retained message changes nothing: publish requests without the retain flag.");
    }
    if (!allowsEdits) {
      throw new EvError(
        "refused",
        `This node only answers. Open it and tick "allow changes" to let messages change records.`,
      );
    }
  }

  async function answer(message: NodeMessage): Promise<HistoryAnswer> {
    const forStore = readStoreRequest(message.payload);
    if (forStore !== null) {
      if (replacesAll(forStore)) refuseChange(message);
      return { command: forStore.command, payload: await answerStoreRequest(store, forStore) };
    }
    const request = readHistoryRequest(message.payload);
    if (isChange(request)) refuseChange(message);
    return answerHistory(parts, request);
  }

  return {
    async input(message, send) {
      const answered = await answer(message);
      for (const part of PARTS) delete message[part];
      send(Object.assign(message, answered, headersFor(message, answered)));
    },
  };
}

/** What makes a download of it behind an `http response` node. */
function headersFor({ headers }: NodeMessage, { fileName, contentType }: HistoryAnswer): Partial<NodeMessage> {
  if (fileName === undefined) return {};
  // what described another content before would break the download
  const others = Object.entries(headers ?? {}).filter(([name]) => !/^(content|transfer)-/i.test(name));
  return {
    headers: {
      ...Object.fromEntries(others),
      "content-type": contentType,
      "content-disposition": contentDisposition(fileName),
    },
  };
}

async function findHouse(context: NodeContext): Promise<SiteSettings | null> {
  const { site } = context.config;
  if (typeof site !== "string" || site === "") return null;
  return (await context.use<{ readonly settings: SiteSettings }>(site, "ev-site")).settings;
}

/** Red or yellow while the store has trouble, which its own log lines explain. */
function showHealth(context: NodeContext, health: StoreHealth): void {
  if (health.state === "failed") context.status("failed", context.t("shared.status.io"));
  else if (health.waiting > 0) {
    context.status("waiting", context.t("ev-history.status.waiting", { count: health.waiting }));
  } else if (health.state === "waiting") context.status("waiting", context.t("ev-history.status.away"));
  else context.status("live", context.t("ev-history.status.ready"));
}
