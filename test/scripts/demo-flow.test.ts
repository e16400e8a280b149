import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { findDashboardPath, findVirtualHomePorts, joinExamples } from "../../scripts/demo-flow.mjs";

const site = { id: "site", type: "ev-site", mainFuseA: 63 };

describe("the flow of npm start", () => {
  it("keeps a node that several examples share once, whatever the order of its fields", () => {
    const nodes = joinExamples([
      { file: "a", nodes: [site, { id: "a1", type: "tab" }] },
      { file: "b", nodes: [{ mainFuseA: 63, type: "ev-site", id: "site" }] },
    ]);
    assert.deepEqual(
      nodes.map((node) => node.id),
      ["site", "a1"],
    );
  });

  it("refuses two examples that use one id for different nodes", () => {
    const examples = [
      { file: "a", nodes: [site] },
      { file: "b", nodes: [{ ...site, mainFuseA: 40 }] },
    ];
    assert.throws(() => joinExamples(examples), /"a" and "b" use the id site for different nodes/);
  });

  it("knows the path of the first dashboard page", () => {
    const page = { type: "ui-page", ui: "base" };
    const nodes = [
      { id: "base", type: "ui-base", path: "/dashboard" },
      { ...page, id: "p2", path: "/other", order: 2 },
      { ...page, id: "p1", path: "/home", order: 1 },
    ];
    assert.equal(findDashboardPath(nodes), "/dashboard/home");
    assert.equal(findDashboardPath([]), null);
  });

  it("knows the ports of the virtual homes that are switched on", () => {
    const home = { id: "h", type: "ev-virtual-home", shellyPort: 18080, quasarPort: "15020", speed: 60 };
    const ports = findVirtualHomePorts([home, { ...home, id: "off", d: true }, { id: "x", type: "tcp in", port: 1 }]);
    assert.deepEqual(
      ports.map(({ port }) => port),
      [18080, 15020],
    );
  });
});
