import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { EvError } from "../../lib/model/errors.ts";
import type { Store } from "../../lib/records/store/store.ts";
import evStore from "../../nodes/records/ev-store/ev-store.ts";
import { readStoreSettings } from "../../nodes/records/ev-store/store-settings.ts";
import { defineNode } from "../../nodes/shared/define-node.ts";
import type { AdminHandler, NodeRed, PermissionCheck } from "../../nodes/shared/node-red.d.ts";
import { exampleSession, makeFolder } from "../lib/records/store/sessions.ts";
import { loadFlow, logLines, unloadFlow, until, withTexts } from "../support/node-runtime.ts";

interface Route {
  readonly permission: string;
  readonly handler: AdminHandler;
}

/** The node module in a Node-RED with this user directory, noting its admin routes. */
function storeModule(userDir: string, routes: Map<string, Route>): (RED: NodeRed) => void {
  const permissions = new Map<PermissionCheck, string>();
  return withTexts(
    (RED) =>
      evStore(
        Object.create(RED, {
          settings: { value: { userDir } },
          auth: {
            value: {
              needsPermission(permission: string): PermissionCheck {
                const check: PermissionCheck = () => {};
                permissions.set(check, permission);
                return check;
              },
            },
          },
          httpAdmin: {
            value: {
              post: (path: string, check: PermissionCheck, handler: AdminHandler) =>
                routes.set(path, { permission: permissions.get(check) ?? "", handler }),
            },
          },
        }) as NodeRed,
      ),
    "records/ev-store",
  );
}

/** A node that does nothing but use a store. */
const user = (seen: (store: Store) => void): ((RED: NodeRed) => void) =>
  withTexts(
    defineNode({
      type: "store-user",
      async start(context) {
        seen(await context.use<Store>(context.config.store, "ev-store"));
        return {};
      },
    }),
    null,
  );

describe("ev-store", () => {
  let folder: ReturnType<typeof makeFolder>;
  const routes = new Map<string, Route>();
  const stores: Store[] = [];

  const load = async (...configs: Record<string, unknown>[]): Promise<void> => {
    const flow = configs.flatMap((config, at) => [
      { id: `s${at + 1}`, type: "ev-store", version: 1, kind: "sqlite", ...config },
      { id: `u${at + 1}`, type: "store-user", store: `s${at + 1}`, z: "f", wires: [] },
    ]);
    await loadFlow(
      [storeModule(folder.folder, routes), user((store) => stores.push(store))],
      [{ id: "f", type: "tab" }, ...flow],
    );
  };
  /** What a route answers: the status, and the JSON if there is any. */
  const post = (path: string, id: string, body: unknown = {}): Promise<{ status: number; json: unknown }> =>
    new Promise((resolve) => {
      let status = 200;
      const response = {
        status(code: number) {
          status = code;
          return response;
        },
        json: (json: unknown) => resolve({ status, json }),
        sendStatus: (code: number) => resolve({ status: code, json: null }),
      };
      routes.get(`/ev-store/:id/${path}`)?.handler({ params: { id }, query: {}, body }, response);
    });
  const firstStore = async (): Promise<Store> => {
    await until("the store is open", () => stores.length > 0);
    const [store] = stores;
    assert.ok(store);
    return store;
  };

  beforeEach(() => {
    folder = makeFolder();
    stores.length = 0;
    routes.clear();
  });
  afterEach(async () => {
    await unloadFlow();
    folder.remove();
  });

  it("keeps sessions in the user directory without any setting, and over a redeploy", async () => {
    await load({});
    const store = await firstStore();
    const [stored] = await store.commit({ sessions: [{ session: exampleSession(), reason: "detected" }] });
    assert.ok(existsSync(join(folder.folder, "ev-charging", "s1.sqlite")));
    await unloadFlow();
    stores.length = 0;
    await load({});
    assert.deepEqual(await (await firstStore()).findSession(stored?.sessionId ?? ""), stored);
  });

  it("backs up, lists and restores from the dialog, each with its permission", async () => {
    await load({});
    const store = await firstStore();
    const session = exampleSession();
    await store.commit({ sessions: [{ session, reason: "detected" }], kept: [{ name: "open", content: "now" }] });
    const made = await post("backup", "s1");
    assert.equal(made.status, 200);
    const { name, sessions } = made.json as { name: string; sessions: number };
    assert.equal(sessions, 1);
    await store.commit({ sessions: [{ session, reason: "deleted" }], kept: [{ name: "open", content: "later" }] });
    assert.equal(await store.findSession(session.sessionId), null);

    const listed = (await post("backups", "s1")).json as { backups: { name: string }[] };
    assert.deepEqual(
      listed.backups.map((backup) => backup.name),
      [name],
    );
    assert.equal((await post("restore", "s1", { name })).status, 200);
    assert.equal((await store.findSession(session.sessionId))?.energyWh, 7400);
    assert.equal(await store.recall("open"), "later", "what is going on now goes on");
    assert.equal((await store.listBackups()).length, 2, "what was there before is a backup too");
    assert.deepEqual(
      [...routes].map(([path, { permission }]) => [path, permission]),
      [
        ["/ev-store/:id/backups", "ev-store.read"],
        ["/ev-store/:id/backup", "ev-store.write"],
        ["/ev-store/:id/restore", "ev-store.write"],
      ],
    );
  });

  it("answers 404 for a store that does not run, and refuses names that lead elsewhere", async () => {
    await load({});
    await firstStore();
    assert.equal((await post("backup", "nobody")).status, 404);
    for (const name of ["../../x", "CON", "nul.sqlite", "", "a/b", "a\0b", "/etc/passwd", "missing"]) {
      const { status, json } = await post("restore", "s1", { name });
      assert.equal(status, 422, name);
      assert.equal((json as { code: string }).code, "bad-command", name);
    }
  });

  it("lets only one of two stores have a file", async () => {
    await load({ file: "same.sqlite" }, { file: "./same.sqlite" });
    await until("somebody is refused", () => logLines().some(({ msg }) => String(msg).includes("Two stores use")));
    await until("the other one runs", () => stores.length === 1);
  });

  it("says which setting of a server is wrong, without the password", () => {
    const settings = (config: Record<string, unknown>) =>
      readStoreSettings({ id: "s.1", config, credentials: { user: "u", password: "secret" } }, "/u");
    assert.throws(
      () => settings({ kind: "mysql", url: "postgres://h/d" }),
      (error) => error instanceof EvError && error.code === "config" && !error.message.includes("secret"),
    );
    assert.deepEqual(settings({ kind: "postgres", url: "postgres://h/d", tls: "verified", keepReadingsDays: "90" }), {
      file: "/u/ev-charging/s_1.sqlite",
      keepReadingsDays: 90,
      backupsKept: 7,
      server: {
        url: "postgres://h/d",
        user: "u",
        password: "secret",
        tls: { ca: null, isAnyCertificateAccepted: false },
      },
    });
  });
});
