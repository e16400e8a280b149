import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { isConfigNode, joinEditorPage, joinHelpPage, mergeTexts } from "../../scripts/editor-page.mjs";
import { findNodeFolders } from "../../scripts/node-folders.mjs";

describe("the editor page of a node", () => {
  const parts = {
    type: "ev-x",
    script: '"use strict";\nRED.nodes.registerType("ev-x", {});',
    style: "p { margin: 0; }",
    form: "<p></p>",
    help: "Help.",
  };

  it("holds script, form and help under the node's name", () => {
    const page = joinEditorPage(parts);
    assert.match(page, /<script type="text\/javascript">\n\(function \(\) \{\nRED\.nodes\.registerType\("ev-x"/);
    assert.match(page, /data-template-name="ev-x">\n<p><\/p>/);
    assert.match(page, /<script type="text\/markdown" data-help-name="ev-x">\nHelp\./);
  });

  it("brings the look of all forms, and a form's own, before the dialog opens", () => {
    const page = joinEditorPage({ ...parts, form: "<style>\n  b { color: red; }\n</style>\n<b></b>\n" });
    assert.match(
      page,
      /<style>\np \{ margin: 0; \}\n<\/style>\n\n<style>\n {2}b \{ color: red; \}\n<\/style>\n\n<script/,
    );
    assert.match(page, /data-template-name="ev-x">\n<b><\/b>\n<\/script>/);
  });

  it("knows a config node by its category", () => {
    assert.equal(
      isConfigNode('RED.nodes.registerType("ev-x", {\n    category: "config",\n    defaults: {},\n});'),
      true,
    );
    assert.equal(isConfigNode('RED.nodes.registerType("ev-x", {\n    category: "EV devices",\n});'), false);
  });

  it("refuses a script without a literal name, which would hide the node from the Flow Library", () => {
    assert.throws(() => joinEditorPage({ ...parts, script: "RED.nodes.registerType(name, {});" }), /literal name/);
  });

  it("refuses text that would end the page's script early", () => {
    assert.throws(() => joinEditorPage({ ...parts, help: "a </script> b" }), /closing script tag/);
    assert.throws(
      () => joinEditorPage({ ...parts, form: "<p></p></script>" }),
      /ev-x\.html must not contain a closing/,
    );
    assert.throws(() => joinHelpPage("ev-x", "a </SCRIPT> b"), /closing script tag/);
  });

  it("keeps a node's own texts apart from the shared ones", () => {
    assert.deepEqual(mergeTexts("x", { "ev-x": 1 }, { status: 2 }), { "ev-x": 1, shared: { status: 2 } });
    assert.throws(() => mergeTexts("ev-x en-US", { shared: 1 }, {}), /ev-x en-US/);
  });
});

describe("the list of node types", () => {
  let project = "";
  const addFolder = (path: string): void => {
    mkdirSync(join(project, "nodes", path), { recursive: true });
    writeFileSync(join(project, "nodes", path, `${path.split("/").at(-1)}.ts`), "");
  };
  const list = (nodes: Record<string, string>): void =>
    writeFileSync(join(project, "package.json"), JSON.stringify({ "node-red": { nodes } }));

  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), "ev-nodes-"));
  });
  afterEach(() => rmSync(project, { recursive: true }));

  it("is the same in package.json and in the folders", () => {
    addFolder("devices/ev-a");
    addFolder("planning/ev-b");
    list({ "ev-b": "dist/nodes/ev-b.js", "ev-a": "dist/nodes/ev-a.js" });
    assert.deepEqual(
      findNodeFolders(project).map(({ wing, type }) => `${wing}/${type}`),
      ["planning/ev-b", "devices/ev-a"],
    );
  });

  it("names a folder that package.json has forgotten", () => {
    addFolder("devices/ev-a");
    list({});
    assert.throws(() => findNodeFolders(project), /nodes\/devices\/ev-a is not in package\.json/);
  });

  it("names an entry of package.json that has no folder, or two, or points elsewhere", () => {
    list({ "ev-a": "dist/nodes/ev-a.js" });
    assert.throws(() => findNodeFolders(project), /lists the node "ev-a", but no folder/);
    addFolder("devices/ev-a");
    addFolder("records/ev-a");
    assert.throws(() => findNodeFolders(project), /more than one folder/);
    list({ "ev-a": "nodes/ev-a.js" });
    assert.throws(() => findNodeFolders(project), /must point at dist\/nodes\/ev-a\.js/);
  });
});
