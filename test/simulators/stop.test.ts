import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, it } from "mocha";

const folder = new URL("../../simulators/", import.meta.url).href;

/** Runs a program in a Node of its own that must come to its end by itself; resolves with what it printed. */
function runToTheEnd(program: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const args = ["--input-type=module", "--eval", program];
    execFile(process.execPath, args, { timeout: 20_000 }, (error, output, errors) => {
      if (error) reject(new Error(`did not end well: ${errors || error.message}`));
      else resolve(output.trim());
    });
  });
}

const STAND_WITH_OPEN_CONNECTIONS = `
  import { once } from "node:events";
  import { connect } from "node:net";
  const channels = [() => ({ powerW: 1000, voltageV: 230, powerFactor: 1 })];
  async function leaveConnectionsOpen(simulator, path) {
    simulator.setFault("silent");
    const socket = connect(simulator.port, "127.0.0.1");
    await once(socket, "connect");
    socket.write("GET " + path + " HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n");
    while (simulator.requests === 0) await new Promise((resolve) => setImmediate(resolve));
    socket.on("error", () => {});
    const closed = new Promise((resolve) => socket.on("close", resolve));
    await simulator.stop();
    await closed;
  }
`;

describe("a stopped simulator", () => {
  it("leaves nothing behind that would keep Node alive: Shelly EM", async () => {
    const output = await runToTheEnd(`${STAND_WITH_OPEN_CONNECTIONS}
      const { startShellyGen1 } = await import("${folder}shelly-em-gen1.ts");
      const shelly = await startShellyGen1({ channels });
      shelly.reboot({ downMs: 0 });
      while (shelly.openSockets > 0) await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setTimeout(resolve, 20));
      await leaveConnectionsOpen(shelly, "/status");
      console.log("end");`);
    assert.equal(output, "end");
  });

  it("leaves nothing behind that would keep Node alive: Shelly Pro EM", async () => {
    const output = await runToTheEnd(`${STAND_WITH_OPEN_CONNECTIONS}
      const { startShellyRpc } = await import("${folder}shelly-em-rpc.ts");
      const shelly = await startShellyRpc({ model: "pro-em", channels });
      const webSocket = new WebSocket("ws://127.0.0.1:" + shelly.port + "/rpc");
      await once(webSocket, "open");
      webSocket.addEventListener("error", () => {});
      const gone = new Promise((resolve) => webSocket.addEventListener("close", resolve));
      webSocket.send('{"id":1,"src":"nr","method":"Shelly.GetStatus"}');
      await once(webSocket, "message");
      await leaveConnectionsOpen(shelly, "/rpc/Shelly.GetStatus");
      await gone;
      console.log("end");`);
    assert.equal(output, "end");
  });

  it("leaves nothing behind that would keep Node alive: Wallbox cloud", async () => {
    const output = await runToTheEnd(`${STAND_WITH_OPEN_CONNECTIONS}
      const { startWallboxCloud } = await import("${folder}wallbox-cloud.ts");
      await leaveConnectionsOpen(await startWallboxCloud(), "/users/signin");
      console.log("end");`);
    assert.equal(output, "end");
  });
});
