import assert from "node:assert/strict";

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (shown: unknown): shown is JsonObject =>
  typeof shown === "object" && shown !== null && !Array.isArray(shown);

export function parseObject(text: string): JsonObject {
  return asObject(JSON.parse(text));
}

/** Fails the test when it is no object. */
export function asObject(shown: unknown): JsonObject {
  assert.ok(isObject(shown), `no object: ${JSON.stringify(shown)}`);
  return shown;
}

/** Fails the test when it is no list. */
export function asList(shown: unknown): readonly unknown[] {
  assert.ok(Array.isArray(shown), `no list: ${JSON.stringify(shown)}`);
  return shown;
}

/** Walks into objects and lists by name or index. */
export function at(shown: unknown, ...path: readonly (string | number)[]): unknown {
  let here = shown;
  for (const step of path) here = typeof step === "number" ? asList(here)[step] : asObject(here)[step];
  return here;
}

/** Fails the test when it is no number. */
export function asNumber(shown: unknown): number {
  assert.equal(typeof shown, "number", `no number: ${JSON.stringify(shown)}`);
  return Number(shown);
}
