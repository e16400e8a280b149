import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, it } from "mocha";
import { projectDirectory } from "../../scripts/ensure.mjs";
import { findFreePort, whyPortIsTaken } from "../../scripts/node-red-process.mjs";

const LINES_WITHIN_MS = 90_000;

describe("npm start", function () {
  this.timeout(120_000);
  let started: ChildProcess | undefined;

  const start = (port: number): ChildProcess => {
    const args = [join(projectDirectory, "scripts", "start.mjs"), "--port", String(port)];
    started = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    return started;
  };
  /** The text of a stream once it holds so many lines, or has ended. */
  const readLines = async (stream: NodeJS.ReadableStream | null, count: number): Promise<string[]> => {
    assert.ok(stream);
    let text = "";
    const deadline = AbortSignal.timeout(LINES_WITHIN_MS);
    for await (const chunk of stream) {
      text += String(chunk);
      if (text.split("\n").length > count || deadline.aborted) break;
    }
    return text.trimEnd().split("\n");
  };

  afterEach(() => {
    started?.kill("SIGKILL");
    started = undefined;
  });

  it("prints editor, dashboard and how to stop when both answer, and stops without a trace", async () => {
    const port = await findFreePort();
    const child = start(port);
    const lines = await readLines(child.stdout, 3);
    assert.equal(lines.length, 3, lines.join("\n"));
    const [editorUrl, dashboardUrl] = lines.map((line) => /http:\S+/.exec(line)?.[0]);
    assert.match(lines[2] ?? "", /Ctrl\+C/);
    for (const url of [editorUrl, dashboardUrl]) {
      assert.equal((await fetch(url ?? "")).status, 200, url);
    }
    child.kill("SIGINT");
    const [code] = (await once(child, "exit")) as [number | null];
    assert.equal(code, 0);
    assert.equal(await whyPortIsTaken(port), null);
  });

  it("says in one sentence that the port is taken", async () => {
    const squatter = createServer().listen(0, "127.0.0.1");
    await once(squatter, "listening");
    const address = squatter.address();
    assert.ok(address && typeof address === "object");
    const child = start(address.port);
    const exit = once(child, "exit");
    const [sentence] = await readLines(child.stderr, Number.POSITIVE_INFINITY);
    assert.match(sentence ?? "", new RegExp(`Port ${address.port} is taken .*npm start -- --port`));
    assert.deepEqual(await exit, [1, null]);
    squatter.close();
  });
});
