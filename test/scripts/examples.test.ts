import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { before, describe, it } from "mocha";
import { drawExamples, findStaleExamples } from "../../scripts/build-examples.mjs";
import { joinExamples } from "../../scripts/demo-flow.mjs";
import { projectDirectory } from "../../scripts/ensure.mjs";
import { findNodeFolders } from "../../scripts/node-folders.mjs";

interface FlowNode {
  readonly id: string;
  readonly type: string;
  readonly wires?: readonly (readonly string[])[];
  readonly links?: readonly string[];
  readonly nodes?: readonly string[];
  readonly [property: string]: unknown;
}

const examples = drawExamples().map(({ file, text }) => ({ file, nodes: JSON.parse(text) as readonly FlowNode[] }));
const templates = examples.flatMap(({ nodes }) => nodes).filter(({ type }) => type === "ui-template");

/** The settings that each dialog saves, with their defaults; read by running the editor scripts with a small RED. */
async function readDialogs(): Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>> {
  const dialogs = new Map<string, Readonly<Record<string, unknown>>>();
  const registerType = (type: string, definition: { defaults: Record<string, unknown> }): void => {
    dialogs.set(type, definition.defaults);
  };
  Object.assign(globalThis, { RED: { nodes: { registerType } } });
  for (const { type, directory } of findNodeFolders(projectDirectory)) {
    await import(pathToFileURL(join(directory, `${type}.editor.ts`)).href);
  }
  return dialogs;
}

describe("the example flows in the repository", () => {
  let dialogs: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  before(async () => {
    dialogs = await readDialogs();
  });

  it("are what their sources draw", () => {
    const stale = findStaleExamples().map(({ file }) => file);
    assert.deepEqual(stale, [], "run: node scripts/build-examples.mjs");
  });

  it("have unique ids but for the dashboard that their pages share, so that all can be imported together", () => {
    const owners = new Map<string, string>();
    for (const { file, nodes } of examples) {
      for (const { id, type } of nodes) {
        if (["ui-base", "ui-theme"].includes(type)) continue;
        assert.equal(owners.get(id), undefined, `${id} is in "${owners.get(id)}" and in "${file}"`);
        owners.set(id, file);
      }
    }
    joinExamples(examples); // throws when a shared node differs from file to file
  });

  it("give each virtual home ports of its own", () => {
    const homes = examples.flatMap(({ nodes }) => nodes).filter(({ type }) => type === "ev-virtual-home");
    const names = ["meterPort", "chargerPort", "solarMeterPort", "openEvsePort", "brokerPort", "h2vPort"];
    const ports = homes.flatMap((home) => names.map((name) => home[name])).filter(Boolean);
    assert.equal(homes.length, examples.length);
    assert.equal(new Set(ports).size, ports.length, ports.join(" "));
  });

  it("configure our nodes with exactly the settings of their dialogs", () => {
    for (const { file, nodes } of examples) {
      for (const node of nodes) {
        const defaults = dialogs.get(node.type);
        if (defaults === undefined) continue;
        const common = ["id", "type", "z", "g", "x", "y", "wires"];
        const settings = Object.keys(node).filter((name) => !common.includes(name));
        assert.deepEqual(settings.toSorted(), Object.keys(defaults).toSorted(), `${node.id} in "${file}"`);
      }
    }
  });

  it("wire and link only nodes that are there", () => {
    for (const { file, nodes } of examples) {
      const ids = new Set(nodes.map(({ id }) => id));
      for (const node of nodes) {
        const named = [...(node.wires ?? []).flat(), ...(node.links ?? []), ...(node.nodes ?? [])];
        const settings = ["z", "g", "site", "connection", "group", "page", "ui", "theme"].map((name) => node[name]);
        for (const id of [...named, ...settings.filter((id) => id !== undefined && id !== "")]) {
          assert.ok(ids.has(String(id)), `${node.id} in "${file}" names ${String(id)}`);
        }
      }
    }
  });

  it("say what they do, and name the packages that they need", () => {
    for (const { file, nodes } of examples) {
      const about = nodes.find(({ type }) => type === "comment");
      assert.match(String(about?.info), /With your own/, file);
      const modules = Object.keys(nodes.find(({ type }) => type === "global-config")?.modules ?? {});
      const needsDashboard = nodes.some(({ type }) => type.startsWith("ui-"));
      assert.deepEqual(modules, [
        "@ev-flows/node-red-ev-charging",
        ...(needsDashboard ? ["@flowfuse/node-red-dashboard"] : []),
      ]);
    }
  });

  it("render no text as markup and load nothing from elsewhere", () => {
    assert.ok(templates.length > 5);
    for (const { name, format } of templates) {
      assert.doesNotMatch(String(format), /v-html|innerHTML|https?:|@import|url\((?!#)/, String(name));
    }
  });

  it("show no text of their own: every word comes from the locale file", () => {
    for (const { name, format } of templates) {
      const markup = /<template>([\s\S]*)<\/template>/.exec(String(format))?.[1] ?? "";
      const shown = markup.replaceAll(/\{\{[^}]*\}\}|<(?:"[^"]*"|[^">])*>/g, " ").trim();
      assert.equal(shown, "", `"${String(name)}" writes "${shown}"`);
      assert.doesNotMatch(markup, /\s(aria-label|title|placeholder|alt)="/, String(name));
    }
  });

  it("name only texts that the locale file has", () => {
    const words = JSON.parse(
      readFileSync(join(projectDirectory, "scripts/examples/locales/en-US.json"), "utf8"),
    ) as Record<string, unknown>;
    for (const { name, format } of templates) {
      for (const [path = ""] of String(format).matchAll(/\bwords\.\w+(\.\w+)?/g)) {
        const [, section = "", key] = path.split(".");
        if (["frozen", "language"].includes(section)) continue;
        const texts = words[section] as Record<string, unknown> | undefined;
        assert.ok(texts !== undefined && (key === undefined || key in texts), `"${String(name)}" names ${path}`);
      }
    }
  });
});
