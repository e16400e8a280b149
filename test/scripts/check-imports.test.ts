import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { checkFile, findHeavyChains, findImports } from "../../scripts/check-imports.mjs";

const DEPENDENCIES = ["zod", "ws", "bonjour-service"];

describe("check-imports", () => {
  it("sees every way of importing, with its line, and none in comments", () => {
    const source = [
      'import { z } from "zod";',
      'import type { A } from "./a.ts";',
      'export * from "./b.ts";',
      'export { c } from "./c.ts";',
      'import "./d.ts";',
      "import {",
      "  e,",
      '} from "./e.ts";',
      'const f = await import("./f.ts");',
      'const g = require("./g.ts");',
      '// import "./not.ts";',
      '/* import "./nor.ts"; */',
    ].join("\n");
    const found = findImports(source).map(({ specifier, isType, isLazy, line }) => [specifier, isType, isLazy, line]);
    assert.deepEqual(found, [
      ["zod", false, false, 1],
      ["./a.ts", true, false, 2],
      ["./b.ts", false, false, 3],
      ["./c.ts", false, false, 4],
      ["./d.ts", false, false, 5],
      ["./e.ts", false, false, 6],
      ["./f.ts", false, true, 9],
      ["./g.ts", false, false, 10],
    ]);
  });

  const wrong: readonly (readonly [file: string, source: string, why: RegExp])[] = [
    ["lib/model/units.ts", 'import { a } from "../io/http.ts";', /must not import lib\/io\/http\.ts/],
    ["lib/io/http.ts", 'import type { A } from "../devices/shelly/wire.ts";', /must not import lib\/devices/],
    [
      "lib/planning/control/fuse.ts",
      'import { a } from "../../devices/quasar/quasar.ts";',
      /must not import lib\/devices/,
    ],
    [
      "lib/records/session/x.ts",
      'import type { A } from "../../planning/plan/plan.ts";',
      /must not import lib\/planning/,
    ],
    ["lib/devices/shelly/shelly.ts", 'import { a } from "../../../nodes/shared/service.ts";', /must not import nodes/],
    ["lib/devices/shelly/shelly.ts", 'import RED from "node-red";', /must not import Node-RED/],
    ["lib/devices/shelly/shelly.ts", 'import type { Node } from "@node-red/registry";', /must not import Node-RED/],
    ["simulators/quasar.ts", 'import { a } from "../lib/devices/quasar/wire.ts";', /must not import lib\/devices/],
    ["simulators/quasar.ts", 'import { a } from "../lib/io/queue.ts";', /must not import lib\/io/],
    [
      "nodes/shared/service.ts",
      'import { a } from "../../lib/planning/control/control.ts";',
      /must not import lib\/planning/,
    ],
    [
      "nodes/planning/ev-control/ev-control.ts",
      'import { a } from "../../devices/ev-quasar/ev-quasar.ts";',
      /nodes\/devices/,
    ],
    [
      "nodes/devices/ev-quasar/ev-quasar.ts",
      'import { a } from "../../../simulators/quasar.ts";',
      /simulators\/quasar/,
    ],
    [
      "nodes/devices/ev-quasar/ev-quasar.ts",
      'import axios from "axios";',
      /axios, which is not among the dependencies/,
    ],
    ["lib/io/http.ts", 'import http from "http";', /node:http/],
  ];
  for (const [file, source, why] of wrong) {
    it(`refuses ${source} in ${file}`, () => {
      const findings = checkFile(file, source, DEPENDENCIES);
      assert.equal(findings.length, 1);
      assert.match(findings[0] ?? "", why);
    });
  }

  const right: readonly (readonly [file: string, source: string])[] = [
    [
      "lib/devices/shelly/client.ts",
      'import { a } from "../../io/http.ts"; import { z } from "zod"; import ws from "ws";',
    ],
    ["simulators/virtual-home.ts", 'import { a } from "./quasar.ts"; import { b } from "../lib/model/clock.ts";'],
    [
      "nodes/devices/ev-virtual-home/ev-virtual-home.ts",
      'const a = await import("../../../simulators/virtual-home.ts");',
    ],
    ["nodes/planning/ev-control/ev-control.ts", 'import type { A } from "../ev-site/ev-site.ts";'],
    ["nodes/devices/ev-quasar/ev-quasar.ts", 'const { default: M } = await import("ws");'],
    ["nodes/shared/node-red.d.ts", 'import type { Express } from "express";'],
  ];
  for (const [file, source] of right) {
    it(`allows ${source} in ${file}`, () => assert.deepEqual(checkFile(file, source, DEPENDENCIES), []));
  }

  it("finds a heavy library at the end of a chain of files, and lets a lazy link break it", () => {
    const sources = new Map([
      ["nodes/devices/ev-x/ev-x.ts", 'import { connect } from "../../../lib/devices/x/client.ts";'],
      ["lib/devices/x/client.ts", 'import Socket from "ws";'],
      ["nodes/devices/ev-w/ev-w.ts", 'import { z } from "zod";'],
      ["nodes/devices/ev-y/ev-y.ts", 'const { connect } = await import("../../../lib/devices/x/client.ts");'],
      ["nodes/devices/ev-z/ev-z.ts", 'import type { Client } from "../../../lib/devices/x/client.ts";'],
    ]);
    assert.equal(findHeavyChains("nodes/devices/ev-w/ev-w.ts", sources).length, 1);
    const [finding = ""] = findHeavyChains("nodes/devices/ev-x/ev-x.ts", sources);
    assert.match(finding, /ev-x\.ts -> lib\/devices\/x\/client\.ts -> ws/);
    assert.deepEqual(findHeavyChains("nodes/devices/ev-y/ev-y.ts", sources), []);
    assert.deepEqual(findHeavyChains("nodes/devices/ev-z/ev-z.ts", sources), []);
  });
});
