import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { chooseNode, ensureInstalled, explainInstallFailure, isInstalled } from "../../scripts/ensure.mjs";

describe("a fresh clone", () => {
  let project = "";
  const write = (path: string, text: string): void => writeFileSync(join(project, path), text);
  const succeed = async (): Promise<{ code: number; output: string }> => {
    mkdirSync(join(project, "node_modules"), { recursive: true });
    return { code: 0, output: "" };
  };

  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), "ev-ensure-"));
    write("package-lock.json", '{"lockfileVersion":3}');
  });
  afterEach(() => rmSync(project, { recursive: true }));

  it("installs once, and again only after the lock file changed", async () => {
    let installs = 0;
    const install = (): ReturnType<typeof succeed> => {
      installs += 1;
      return succeed();
    };
    await ensureInstalled(project, install);
    await ensureInstalled(project, install);
    assert.equal(installs, 1);
    write("package-lock.json", '{"lockfileVersion":3,"packages":{}}');
    await ensureInstalled(project, install);
    assert.equal(installs, 2);
  });

  it("believes an install by hand that npm finished after the lock file was written, and no older one", () => {
    mkdirSync(join(project, "node_modules"));
    assert.equal(isInstalled(project), false, "an interrupted install leaves the folder without npm's mark");
    write("node_modules/.package-lock.json", "{}");
    utimesSync(join(project, "package-lock.json"), 1000, 1000);
    assert.equal(isInstalled(project), true);
    utimesSync(join(project, "node_modules/.package-lock.json"), 500, 500);
    assert.equal(isInstalled(project), false);
  });

  it("says in one sentence that there is no network, and tries again the next time", async () => {
    const output = "npm error code ENOTFOUND\nnpm error request to https://registry.npmjs.org/zod failed";
    const offline = async (): Promise<{ code: number; output: string }> => ({ code: 1, output });
    await assert.rejects(ensureInstalled(project, offline), /cannot be reached \(ENOTFOUND\): connect this machine/);
    assert.equal(isInstalled(project), false);
  });

  it("keeps npm's own words for a failure it does not know", () => {
    assert.match(explainInstallFailure("npm error code EWHATEVER"), /EWHATEVER[\s\S]*own words stand above/);
    assert.match(explainInstallFailure("npm error code ENOSPC"), /disk is full/);
  });
});

describe("choosing a Node", () => {
  it("goes on under this one when it is new enough", () => {
    assert.equal(chooseNode("v24.21.0", true), "this");
    assert.equal(chooseNode("v22.18.0", false), "this");
  });

  it("hands over to the bundled one when this one is too old", () => {
    assert.equal(chooseNode("v20.20.2", true), "bundled");
    assert.equal(chooseNode("v22.17.1", true), "bundled");
  });

  it("says what to do when this one is too old and there is no other", () => {
    assert.throws(() => chooseNode("v20.20.2", false), /Node v20\.20\.2 is too old.*install Node 24/);
  });
});
