import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import vm from "node:vm";
import { describe, it } from "mocha";
import { buildForm } from "../../scripts/editor-form.mjs";

/* The forms' own rules, without a browser: what the editor would call, called here. */

interface Field {
  readonly value: unknown;
  readonly required?: boolean;
  readonly type?: string;
  readonly validate?: (this: object, fieldValue: unknown, options: unknown) => boolean | string;
}
type Defaults = Readonly<Record<string, Field>>;
interface Definition {
  readonly category: string;
  readonly defaults: Defaults;
  readonly credentials?: Readonly<Record<string, object>>;
}

const nodesFolder = join(import.meta.dirname, "../../nodes");
const scripts = readdirSync(nodesFolder, { recursive: true, encoding: "utf8" }).filter((path) =>
  path.endsWith(".editor.ts"),
);

/** Runs an editor script as the editor does and returns what it registered. */
function readDefinition(path: string): Definition {
  const found: Definition[] = [];
  const field = { val: () => undefined, on: () => field, toggle: () => field };
  const RED = { nodes: { registerType: (_type: string, definition: Definition) => found.push(definition) } };
  vm.runInNewContext(stripTypeScriptTypes(readFileSync(join(nodesFolder, path), "utf8")), {
    RED,
    $: () => field,
    Intl,
  });
  const [definition] = found;
  if (definition === undefined) throw new Error(`${path} registers nothing`);
  return definition;
}

const typeOf = (path: string): string => path.split("/").at(-1)?.replace(".editor.ts", "") ?? "";
const textsOf = (path: string): string =>
  readFileSync(join(nodesFolder, path, "..", "locales", "en-US", `${typeOf(path)}.json`), "utf8");
const otherLanguages = (path: string): string[] =>
  readdirSync(join(nodesFolder, path, "..", "locales")).filter((language) => language !== "en-US");

/** Every text by its whole key. */
const flatten = (texts: object, prefix = ""): Map<string, string> =>
  new Map(
    Object.entries(texts).flatMap(([key, text]) =>
      typeof text === "object" && text !== null
        ? [...flatten(text, `${prefix}${key}.`)]
        : [[`${prefix}${key}`, String(text)] as const],
    ),
  );
/** What is filled in, for example `__low__`. */
const placesIn = (text: string): string[] => (text.match(/__\w+__/g) ?? []).toSorted();

describe("the texts that all nodes share", () => {
  const folder = join(nodesFolder, "shared", "locales");
  const read = (file: string): Map<string, string> => flatten(JSON.parse(readFileSync(join(folder, file), "utf8")));
  it("are the same in every language", () => {
    const ours = read("en-US.json");
    for (const file of readdirSync(folder)) {
      const theirs = read(file);
      assert.deepEqual([...theirs.keys()].toSorted(), [...ours.keys()].toSorted(), file);
      for (const [key, text] of ours) assert.deepEqual(placesIn(theirs.get(key) ?? ""), placesIn(text), key);
    }
  });
});

for (const path of scripts) {
  describe(path, () => {
    const { category, defaults, credentials = {} } = readDefinition(path);
    const translated: string[] = [];
    const node = {
      _: (key: string) => {
        translated.push(key);
        return key;
      },
    };

    it("has a version, so that later forms can migrate it", () => {
      assert.equal(defaults.version?.value, 1);
    });

    it("asks for settings of this node only", () => {
      const type = typeOf(path);
      const source = readFileSync(join(nodesFolder, path, "..", `${type}.html`), "utf8");
      const isConfig = category === "config";
      const form = buildForm({ type, isConfig, source, texts: JSON.parse(textsOf(path))[type] });
      const asked = [...form.matchAll(/ id="node-(config-)?input-([^"]+)"/g)];
      assert.ok(asked.some(([, , name]) => name === "name"));
      for (const [, config, name = ""] of asked) {
        assert.ok(name in defaults || name in credentials, name);
        assert.equal(config !== undefined, isConfig, `the id of ${name}`);
      }
    });

    it("declares both parameters in every validator, or the editor would take a reason for a yes", () => {
      for (const [name, { validate }] of Object.entries(defaults)) {
        if (validate !== undefined) assert.equal(validate.length, 2, name);
      }
    });

    it("accepts its own defaults where they are not empty, and refuses rubbish with a reason", () => {
      for (const [name, { value, validate }] of Object.entries(defaults)) {
        if (validate === undefined) continue;
        if (value !== "")
          assert.equal(validate.call({ ...node, ...valuesOf(defaults) }, value, {}), true, `${name}: ${String(value)}`);
        const verdict = validate.call({ ...node, ...valuesOf(defaults) }, "\u0000 <rubbish> ", {});
        assert.equal(typeof verdict, "string", `${name} accepts rubbish`);
      }
    });

    for (const language of otherLanguages(path)) {
      it(`says everything in ${language} too, and has its help`, () => {
        const type = typeOf(path);
        const folder = join(nodesFolder, path, "..", "locales", language);
        const theirs = flatten(JSON.parse(readFileSync(join(folder, `${type}.json`), "utf8")));
        const ours = flatten(JSON.parse(textsOf(path)));
        assert.deepEqual([...theirs.keys()].toSorted(), [...ours.keys()].toSorted());
        for (const [key, text] of ours) {
          assert.deepEqual(placesIn(theirs.get(key) ?? ""), placesIn(text), key);
        }
        assert.ok(readFileSync(join(folder, `${type}.help.md`), "utf8").length > 200);
      });
    }

    it("has a text for every reason", () => {
      const texts = textsOf(path);
      for (const key of translated) assert.ok(texts.includes(`"${key.split(".").at(-1)}"`), key);
    });
  });
}

const valuesOf = (defaults: Defaults): Record<string, unknown> =>
  Object.fromEntries(Object.entries(defaults).map(([name, { value }]) => [name, value]));
