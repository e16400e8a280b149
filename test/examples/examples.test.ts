import assert from "node:assert/strict";
import { readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "mocha";
import { projectDirectory } from "../../scripts/ensure.mjs";
import { errorLines, installTarball, manifest, nodeRed5, startRuntime } from "../support/installed-package.ts";

interface FlowNode {
  readonly id: string;
  readonly type: string;
  readonly [property: string]: unknown;
}

const folder = join(projectDirectory, "examples");
const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".json"))
  .toSorted();
const read = (file: string): readonly FlowNode[] =>
  JSON.parse(readFileSync(join(folder, file), "utf8")) as readonly FlowNode[];

describe("the example flows", function () {
  this.timeout(180_000);
  let userDirectory = "";

  before(async () => {
    userDirectory = await installTarball();
    const dashboard = join(projectDirectory, "node_modules", "@flowfuse");
    symlinkSync(dashboard, join(userDirectory, "node_modules", "@flowfuse"), "junction");
  });

  it("show every node type, so that the Flow Library finds an example of each", () => {
    const shown = new Set(
      files
        .filter((file) => !file.startsWith("dashboard"))
        .flatMap(read)
        .map((node) => node.type),
    );
    assert.deepEqual(
      Object.keys(manifest["node-red"].nodes).filter((type) => !shown.has(type)),
      [],
    );
  });

  for (const file of files) {
    it(`"${file}" names no host but this machine and holds no secret`, () => {
      const text = readFileSync(join(folder, file), "utf8");
      const hosts = [...text.matchAll(/"host"\s*:\s*"([^"]*)"|https?:\/\/([^/"\s:]+)/g)].map((hit) =>
        (hit[1] ?? hit[2] ?? "").replace(/:\d+$/, ""),
      );
      const isHarmless =
        /^(127\.0\.0\.1|localhost|.*\.example(\.(com|org|net))?|192\.0\.2\.\d+|(docs\.|www\.)?nodered\.org|github\.com)?$/;
      assert.deepEqual(
        hosts.filter((host) => !isHarmless.test(host)),
        [],
      );
      for (const node of read(file)) assert.equal(node.credentials, undefined, `${node.id} carries credentials`);
    });

    it(`"${file}" starts in a real Node-RED without an unknown type or an error`, async () => {
      const nodeRed = await startRuntime(nodeRed5(), userDirectory, read(file));
      await nodeRed.stop();
      assert.deepEqual(errorLines(nodeRed), []);
    });
  }
});
