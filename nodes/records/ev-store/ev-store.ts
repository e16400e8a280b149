import type { Store } from "../../../lib/records/store/store.ts";
import { toEvError } from "../../../lib/model/errors.ts";
import { defineNode, type RunningNode } from "../../shared/define-node.ts";
import type { NodeContext } from "../../shared/node-context.ts";
import type { AdminRequest, AdminResponse, NodeRed } from "../../shared/node-red.d.ts";

/** What waits in memory may need a last try, and a copy may be under way. */
const CLOSE_WITHIN_MS = 8000;

/** Stores that run, by the id of their node: for the buttons of the dialog. */
const running = new Map<string, Store>();

/** Config node: where sessions and readings are kept. */
export default function register(RED: NodeRed): void {
  const userDirectory = typeof RED.settings.userDir === "string" ? RED.settings.userDir : process.cwd();
  defineNode({
    type: "ev-store",
    credentials: { user: { type: "text" }, password: { type: "password" } },
    isConfigNode: true,
    closeWithinMs: CLOSE_WITHIN_MS,
    start: (context) => start(context, userDirectory),
    registerRoutes,
  })(RED);
}

async function start(context: NodeContext, userDirectory: string): Promise<RunningNode<Store>> {
  const { readStoreSettings } = await import("./store-settings.ts");
  const { openStore } = await import("../../../lib/records/store/open-store.ts");
  const { clock, logger, id } = context;
  const store = await openStore(readStoreSettings(context, userDirectory), { clock, logger });
  running.set(id, store);
  return {
    service: store,
    async close() {
      if (running.get(id) === store) running.delete(id);
      await store.close();
    },
  };
}

/** A request names a node, never a path; the node knows its folder. */
function registerRoutes(RED: NodeRed): void {
  const read = RED.auth.needsPermission("ev-store.read");
  const write = RED.auth.needsPermission("ev-store.write");
  RED.httpAdmin.post("/ev-store/:id/backups", read, (request, response) =>
    answer(request, response, async (store) => ({ health: store.health, backups: await store.listBackups() })),
  );
  RED.httpAdmin.post("/ev-store/:id/backup", write, (request, response) =>
    answer(request, response, async (store) => withoutPath(await store.backup())),
  );
  RED.httpAdmin.post("/ev-store/:id/restore", write, (request, response) =>
    answer(request, response, async (store) => withoutPath(await store.restore(nameIn(request.body)))),
  );
}

/** 404 = no node that uses this store was deployed; 422 with `{ code, text }` = the store says no. */
function answer(
  { params }: AdminRequest,
  response: AdminResponse,
  ask: (store: Store) => Promise<Readonly<Record<string, unknown>>>,
): void {
  const store = running.get(params.id ?? "");
  if (store === undefined) {
    response.sendStatus(404);
    return;
  }
  ask(store).then(
    (told) => response.json(told),
    (thrown: unknown) => {
      const { code, message } = toEvError(thrown);
      response.status(422).json({ code, text: message });
    },
  );
}

const nameIn = (body: unknown): string =>
  typeof body === "object" && body !== null && "name" in body && typeof body.name === "string" ? body.name : "";

const withoutPath = ({
  file,
  ...rest
}: {
  readonly file: string;
  readonly bytes: number;
  readonly sessions: number;
}) => ({
  ...rest,
  name: file.split(/[\\/]/).at(-1) ?? "",
});
