import { isIPv4 } from "node:net";
import { type Clock, sleep } from "../model/clock.ts";

/*
 * Listening for devices that announce themselves by mDNS. Whatever comes from the network is a stranger's word: it is
 * filtered, cut and never used as markup.
 */

/** An mDNS service as it was heard; nothing in it is certain. */
export interface HeardService {
  readonly name?: unknown;
  readonly port?: unknown;
  readonly addresses?: unknown;
  readonly txt?: unknown;
}

/** Listens until it is stopped. */
export interface Browser {
  stop(): void;
}

/** Begins to listen for the service types (without underscore, for example `http`). */
export type Browse = (types: readonly string[], onHeard: (service: HeardService) => void) => Promise<Browser>;

export interface DiscoveryOptions {
  readonly clock: Clock;
  readonly browse?: Browse;
  readonly signal?: AbortSignal;
}

const LISTEN_MS = 3000;
/** Before filtering; a flood of announcements must not fill the memory. */
const MOST_HEARD = 1000;

/** Listens for three seconds and hands on at most a thousand services. */
export async function listenForServices(
  types: readonly string[],
  { clock, browse = browseMdns, signal }: DiscoveryOptions,
  onHeard: (service: HeardService) => void,
): Promise<void> {
  let heard = 0;
  const browser = await browse(types, (service) => {
    heard += 1;
    if (heard <= MOST_HEARD) onHeard(service);
  });
  try {
    await sleep(clock, LISTEN_MS, signal);
  } finally {
    browser.stop();
  }
}

/** Where the service can be asked: an IPv4 address, with the port when it is not 80; null when it has none. */
export function readServiceHost({ port, addresses }: HeardService): string | null {
  if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65_535) return null;
  const address = Array.isArray(addresses) ? addresses.find(isAskable) : undefined;
  if (address === undefined) return null;
  return port === 80 ? address : `${address}:${port}`;
}

/** No loopback, link-local or multicast: those are not where a device is. */
const isAskable = (address: unknown): address is string =>
  typeof address === "string" && isIPv4(address) && !/^(?:0|127|169\.254|22[4-9]|2[345]\d)\./.test(address);

/** The network itself. The library is loaded at the first search and not before. */
async function browseMdns(types: readonly string[], onHeard: (service: HeardService) => void): Promise<Browser> {
  const { Bonjour } = await import("bonjour-service");
  // without a listener of our own a closed port 5353 would end the process
  const bonjour = new Bonjour({}, () => {});
  listenForErrors(bonjour);
  const browsers = types.map((type) => bonjour.find({ type }, onHeard));
  return {
    stop() {
      for (const browser of browsers) browser.stop();
      bonjour.destroy();
    },
  };
}

/** The library hands socket errors to nobody: its mDNS socket is found in a private field. */
function listenForErrors(bonjour: object): void {
  const { server } = bonjour as { readonly server?: { readonly mdns?: NodeJS.EventEmitter } };
  server?.mdns?.on("error", () => {});
}
