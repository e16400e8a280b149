import { readFileSync } from "node:fs";

/** A recorded document (test/fixtures/openevse/README.md). */
export const fixture = (name: string): Readonly<Record<string, never>> =>
  JSON.parse(readFileSync(new URL(`../../../fixtures/openevse/${name}.json`, import.meta.url), "utf8")) as Record<
    string,
    never
  >;
