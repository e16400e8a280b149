import { createHttpLink } from "../../../../lib/devices/openevse/client-http.ts";
import { createMqttLink } from "../../../../lib/devices/openevse/client-mqtt.ts";
import {
  createOpenevse,
  type Openevse,
  type OpenevseReport,
  type OpenevseSettings,
} from "../../../../lib/devices/openevse/openevse.ts";
import { createManualClock, type ManualClock } from "../../../../lib/model/clock.ts";
import { type Command, parseCommand } from "../../../../lib/model/commands.ts";
import { toEvError } from "../../../../lib/model/errors.ts";
import { type Charger, chargerSchema } from "../../../../lib/model/records.ts";
import { type MqttBroker, startMqttBroker } from "../../../../simulators/mqtt-broker.ts";
import { type OpenEvseOptions, type OpenEvseSimulator, startOpenEvse } from "../../../../simulators/openevse.ts";

/*
 * A simulated OpenEVSE, a real broker on loopback and our device, all on one clock that is moved by hand: half a minute of the
 * charger's life passes in a fraction of a second, while the bytes travel through real sockets.
 */

export interface Rig {
  readonly clock: ManualClock;
  readonly broker: TestBroker;
  readonly simulator: OpenEvseSimulator;
  readonly device: Openevse;
  readonly records: Charger[];
  readonly reports: OpenevseReport[];
  readonly logged: string[];
  /** Lets time pass, with room for the network. */
  pass(seconds: number): Promise<void>;
  /** Lets time pass until it is so; fails after `withinS` of the charger's time. */
  until(what: string, isSo: () => boolean, withinS?: number): Promise<void>;
  last(): Charger;
  /** Obeys while time passes; resolves with the error code, `done`, or the answer. */
  order(
    payload: unknown,
    withinS?: number,
  ): Promise<{ readonly code: string; readonly message: string; readonly answer: unknown }>;
  /** Commands that reached the charger over MQTT since the last call. */
  heard(): string[];
  stop(): Promise<void>;
}

/** Any broker on loopback that the test may stop. */
export type TestBroker = Pick<MqttBroker, "url" | "port" | "start" | "stop">;

export interface RigOptions {
  /** missing = one of the rig's own */
  readonly broker?: TestBroker;
  readonly simulator?: OpenEvseOptions;
  readonly settings?: Partial<OpenevseSettings>;
  readonly over?: "mqtt" | "http";
  readonly user?: string;
  readonly password?: string;
}

const STEP_MS = 250;
/** Through long stretches in which nobody waits for anything. */
const LONG_STEP_MS = 500;

/** Real time for what is on its way between sockets, ms: a broker in another process needs its turn of the machine. */
const TRAVEL_MS = { own: 2, foreign: 15 };

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const clock = createManualClock(Date.parse("2026-11-21T03:10:05Z"));
  const broker = options.broker ?? (await startMqttBroker());
  const simulator = await startOpenEvse({ clock, brokerUrl: broker.url, ...options.simulator });
  return watchFrom({ clock, broker, simulator }, options);
}

/** Another device of ours beside the first, on the same clock; whoever asked for it closes it. */
export const besides = (rig: Rig, options: RigOptions = {}): Rig => watchFrom(rig, options);

function watchFrom(
  { clock, broker, simulator }: Pick<Rig, "clock" | "broker" | "simulator">,
  options: RigOptions,
): Rig {
  const records: Charger[] = [];
  const reports: OpenevseReport[] = [];
  const logged: string[] = [];
  const log = (text: string): void => void logged.push(text);
  const { baseTopic } = simulator;
  const device = createOpenevse({
    settings: {
      device: "OpenEVSE",
      baseTopic: options.over === "http" ? "" : baseTopic,
      minA: 6,
      maxA: 32,
      channel: "auto",
      onExit: "release",
      whMeaning: null,
      wiredPhases: null,
      silenceS: 95,
      ...options.settings,
    },
    clock,
    logger: { debug() {}, info: log, warn: log, error: log },
    describe: (code) => `fault ${code}`,
    openLink: (events) =>
      options.over === "http"
        ? createHttpLink(
            {
              baseUrl: simulator.url,
              user: options.user ?? "",
              password: options.password ?? "",
              pollS: 5,
              claimId: 20,
            },
            clock,
            events,
          )
        : createMqttLink(
            { scheme: "mqtt", host: "127.0.0.1", port: broker.port, clientId: null, keepAliveS: 30 },
            { baseTopic, announceTopic: "openevse/announce/#" },
            clock,
            events,
          ),
  });
  device.subscribe((report) => {
    reports.push(report);
    records.push(chargerSchema.parse(report.charger));
  });
  let commandsRead = 0;
  const travelMs = options.broker === undefined ? TRAVEL_MS.own : TRAVEL_MS.foreign;
  const travel = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, travelMs));

  const pass = async (seconds: number): Promise<void> => {
    const stepMs = seconds >= 10 ? LONG_STEP_MS : STEP_MS;
    for (let restMs = seconds * 1000; restMs > 0; restMs -= stepMs) {
      await clock.advanceAsync(Math.min(stepMs, restMs));
      await travel();
    }
  };
  const until = async (what: string, isSo: () => boolean, withinS = 60): Promise<void> => {
    const endMs = clock.monotonicMs() + withinS * 1000;
    await travel();
    while (!isSo()) {
      if (clock.monotonicMs() > endMs) throw new Error(`did not happen within ${withinS} s: ${what}`);
      await pass(0.25);
    }
  };
  const rig: Rig = {
    clock,
    broker,
    simulator,
    device,
    records,
    reports,
    logged,
    pass,
    until,
    last() {
      const record = records.at(-1);
      if (record === undefined) throw new Error("nothing was said yet");
      return record;
    },
    async order(payload, withinS = 120) {
      let outcome: { code: string; message: string; answer: unknown } | null = null;
      const command: Command = parseCommand(payload, clock.nowMs());
      device.obey(command).then(
        (answer) => {
          outcome = { code: "done", message: "", answer };
        },
        (thrown: unknown) => {
          const error = toEvError(thrown);
          outcome = { code: error.code, message: error.message, answer: null };
        },
      );
      await until(`an outcome of ${JSON.stringify(payload)}`, () => outcome !== null, withinS);
      return outcome ?? { code: "none", message: "", answer: null };
    },
    heard() {
      const fresh = simulator.commands.slice(commandsRead).map(({ path, text }) => `${path} ${text}`.trim());
      commandsRead = simulator.commands.length;
      return fresh;
    },
    async stop() {
      const ending = device.close();
      let isOver = false;
      void ending.finally(() => {
        isOver = true;
      });
      while (!isOver) await pass(0.25);
      await ending;
      await simulator.stop();
      if (options.broker === undefined) await broker.stop();
    },
  };
  return rig;
}
