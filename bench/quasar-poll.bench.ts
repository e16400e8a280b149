/*
 * Polling all live values of a Quasar once a second: our ev-quasar beside node-red-contrib-modbus doing the same, each in a
 * Node-RED of its own, against the same simulator program. Requests and connections are counted at the charger; CPU time
 * is what the Node-RED process spent beyond one with an empty flow.
 *
 * The newest node-red-contrib-modbus that installs from the npm registry alone is 5.23.3; later ones fetch a dependency
 * from another host.
 */
import { readFileSync } from "node:fs";
import { cacheFromRegistry, installTarball, nodeRed5, startRuntime } from "../test/support/installed-package.ts";
import { startQuasarSimulator } from "../simulators/quasar.ts";

const SECONDS = Number(process.env.EV_BENCH_SECONDS ?? 30);
const PEER = "node-red-contrib-modbus@5.23.3";
/** What the origin project reads one by one (fact sheet v2g 1.6), as [address, quantity]. */
const ONE_BY_ONE = [0x219, 0x21a, 0x102, 0x20e, 0x20a, 0x207, 0x223, 0x224].map((address) => [address, 1] as const);
/** The same blocks that we read: the best that a knowing user could set up. */
const IN_BLOCKS = [
  [0x51, 8],
  [0x100, 5],
  [0x200, 38],
] as const;

const ours = (port: number): object[] => [
  { id: "t", type: "tab", label: "poll" },
  { id: "c", type: "ev-quasar-connection", name: "", host: "127.0.0.1", port: String(port), pollS: "1" },
  { id: "q", z: "t", x: 100, y: 100, type: "ev-quasar", name: "q", connection: "c", wires: [[]] },
];

const theirs = (port: number, reads: readonly (readonly [number, number])[]): object[] => [
  { id: "t", type: "tab", label: "poll" },
  {
    id: "c",
    type: "modbus-client",
    name: "quasar",
    clienttype: "tcp",
    bufferCommands: true,
    stateLogEnabled: false,
    queueLogEnabled: false,
    tcpHost: "127.0.0.1",
    tcpPort: String(port),
    tcpType: "DEFAULT",
    unit_id: "1",
    commandDelay: "1",
    clientTimeout: "1000",
    reconnectOnTimeout: true,
    reconnectTimeout: "2000",
    parallelUnitIdsAllowed: false,
  },
  ...reads.map(([address, quantity], row) => ({
    id: `r${row}`,
    z: "t",
    x: 100,
    y: 100 + 40 * row,
    type: "modbus-read",
    name: "",
    topic: "",
    showStatusActivities: false,
    logIOActivities: false,
    showErrors: true,
    unitid: "1",
    dataType: "HoldingRegister",
    adr: String(address),
    quantity: String(quantity),
    rate: "1",
    rateUnit: "s",
    delayOnStart: false,
    startDelayTime: "",
    server: "c",
    useIOFile: false,
    ioFile: "",
    useIOForPayload: false,
    emptyMsgOnFail: false,
    wires: [[], []],
  })),
];

/** User and system time of a process, ms; Linux only. */
function cpuMs(pid: number): number {
  const [, ...fields] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[10]) + Number(fields[11])) * 10;
}

interface Result {
  readonly requestsPerPoll: number;
  readonly connections: number;
  readonly cpuMsPerPoll: number;
}

async function measure(userDirectory: string, flow: (port: number) => object[]): Promise<Result> {
  const charger = await startQuasarSimulator({ plugged: true });
  const nodeRed = await startRuntime(nodeRed5(), userDirectory, flow(charger.port));
  await new Promise((resolve) => setTimeout(resolve, 5000)); // past connecting and warming up
  const before = { requests: charger.requests, cpu: cpuMs(nodeRed.pid) };
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  const result = {
    requestsPerPoll: (charger.requests - before.requests) / SECONDS,
    connections: charger.connections,
    cpuMsPerPoll: (cpuMs(nodeRed.pid) - before.cpu) / SECONDS,
  };
  await nodeRed.stop();
  await charger.stop();
  return result;
}

const ownDirectory = await installTarball();
const peerDirectory = await cacheFromRegistry(PEER);
const nothing = await measure(ownDirectory, () => [{ id: "t", type: "tab", label: "empty" }]);
const rows: readonly (readonly [string, Result])[] = [
  ["ev-quasar", await measure(ownDirectory, ours)],
  [`${PEER}, in blocks`, await measure(peerDirectory, (port) => theirs(port, IN_BLOCKS))],
  [`${PEER}, one by one`, await measure(peerDirectory, (port) => theirs(port, ONE_BY_ONE))],
];
const own = rows[0]?.[1].cpuMsPerPoll ?? Number.NaN;
console.log(`All live values of a Quasar once a second, ${SECONDS} s each`);
console.log(`${"".padEnd(46)}requests/poll  connections  CPU ms/poll   CPU / ours`);
for (const [name, { requestsPerPoll, connections, cpuMsPerPoll }] of rows) {
  const cpu = cpuMsPerPoll - nothing.cpuMsPerPoll;
  const cells = [
    requestsPerPoll.toFixed(1),
    String(connections),
    cpu.toFixed(1),
    (cpu / (own - nothing.cpuMsPerPoll)).toFixed(1),
  ];
  console.log(
    `  ${name.padEnd(44)}${cells.map((cell, column) => cell.padStart([13, 13, 13, 13][column] ?? 12)).join("")}`,
  );
}
console.log("  (ours also decodes, checks and sends charger records; the peer sends arrays of numbers)");
