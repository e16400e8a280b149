import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import type { NodeRedProcess } from "../../scripts/node-red-process.mjs";
import {
  errorLines,
  installTarball,
  manifest,
  nodeRed4,
  nodeRed5,
  packTarball,
  type Runtime,
  startRuntime,
} from "../support/installed-package.ts";

/** What GET /nodes says about a node set. */
interface NodeSet {
  readonly name: string;
  readonly module: string;
  readonly types: readonly string[];
  readonly enabled: boolean;
  readonly err?: string;
}

const types = Object.keys(manifest["node-red"].nodes);

describe("the packed tarball", function () {
  this.timeout(300_000);

  it("holds what Node-RED needs and nothing that only developers need", async () => {
    const { files } = await packTarball();
    for (const type of types) {
      for (const file of [`${type}.js`, `${type}.html`, `locales/en-US/${type}.json`]) {
        assert.ok(files.includes(`dist/nodes/${file}`), `dist/nodes/${file} is missing`);
      }
    }
    for (const file of ["README.md", "LICENSE", "CHANGELOG.md", "package.json", "dist/package.json"]) {
      assert.ok(files.includes(file), `${file} is missing`);
    }
    const allowed = /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/|examples\/.*\.json$|resources\/)/;
    assert.deepEqual(
      files.filter((file) => !allowed.test(file) || /\.ts$|\.test\./.test(file)),
      [],
    );
  });

  const runtimes: readonly (readonly [title: string, prepare: () => Promise<Runtime>])[] = [
    ["Node-RED 5 on Node 24", async () => nodeRed5()],
    ["Node-RED 4.1 on Node 22", nodeRed4],
  ];
  for (const [title, prepare] of runtimes) {
    describe(`in an empty user directory of ${title}`, () => {
      let nodeRed: NodeRedProcess;

      before(async () => {
        nodeRed = await startRuntime(await prepare(), await installTarball(), []);
      });
      after(() => nodeRed?.stop());

      it("registers every node type, each enabled and without error", async () => {
        const reply = await fetch(`${nodeRed.url}/nodes`, { headers: { Accept: "application/json" } });
        const sets = ((await reply.json()) as readonly NodeSet[]).filter((set) => set.module === manifest.name);
        assert.deepEqual(
          sets.map(({ name, types: registered, enabled, err }) => ({ name, registered, enabled, err })),
          types.map((type) => ({ name: type, registered: [type], enabled: true, err: undefined })),
        );
      });

      it("hands the editor a form and texts for every node type", async () => {
        const page = await (await fetch(`${nodeRed.url}/nodes`, { headers: { Accept: "text/html" } })).text();
        for (const type of types) {
          assert.ok(page.includes(`data-template-name="${type}"`), `no form for ${type}`);
          assert.ok(page.includes(`data-help-name="${type}"`), `no help for ${type}`);
        }
        const texts = (await (await fetch(`${nodeRed.url}/nodes/messages?lng=en-US`)).json()) as Record<string, object>;
        for (const type of types) assert.ok(texts[`${manifest.name}/${type}`], `no texts for ${type}`);
      });

      it("speaks Japanese where a node does", async () => {
        const page = await (
          await fetch(`${nodeRed.url}/nodes`, { headers: { Accept: "text/html", "Accept-Language": "ja" } })
        ).text();
        assert.ok(page.includes("トヨタのH2Vマネージャー"), "no Japanese help for ev-h2v");
        const texts = (await (await fetch(`${nodeRed.url}/nodes/messages?lng=ja`)).json()) as Record<string, object>;
        assert.match(JSON.stringify(texts[`${manifest.name}/ev-h2v`]), /H2Vゲートウェイ.*起動中/);
      });

      it("logs no error", () => assert.deepEqual(errorLines(nodeRed), []));
    });
  }
});
