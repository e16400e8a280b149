import { isIPv4 } from "node:net";
import type { Clock } from "../../model/clock.ts";
import { sleep } from "../../model/clock.ts";

/*
 * Finding Shelly meters by mDNS (fact sheet v2g 4.1, 4.2): Gen1 announces `_http._tcp` only, later ones `_shelly._tcp` too.
 * Whatever comes from the network is a stranger's word: it is filtered, cut and never used as markup.
 */

/** A device that announced itself. */
export interface FoundShelly {
  /** Its own name, for example `shellyem-98CDAC1F8A20`; letters, digits, dot, hyphen, underscore. */
  readonly name: string;
  /** IPv4 address, with the port when it is not 80: fits the address field. */
  readonly host: string;
  /** null = not told, as with Gen1 */
  readonly generation: number | null;
  /** By its name it is an energy meter and no plug or lamp. */
  readonly looksLikeMeter: boolean;
}

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
const MOST_FOUND = 50;
/** Before filtering; a flood of announcements must not fill the memory. */
const MOST_HEARD = 1000;

/** Listens for three seconds. Meters first, then by name; nothing when there is no network to listen on. */
export async function discoverShellys({
  clock,
  browse = browseMdns,
  signal,
}: DiscoveryOptions): Promise<readonly FoundShelly[]> {
  const found = new Map<string, FoundShelly>();
  let heard = 0;
  const browser = await browse(["shelly", "http"], (service) => {
    heard += 1;
    if (heard > MOST_HEARD) return;
    const shelly = readService(service);
    // both kinds of announcement lead to one device; the one that tells the generation is the better one
    if (shelly !== null && (shelly.generation !== null || !found.has(shelly.host))) found.set(shelly.host, shelly);
  });
  try {
    await sleep(clock, LISTEN_MS, signal);
  } finally {
    browser.stop();
  }
  const byUse = (a: FoundShelly, b: FoundShelly): number =>
    Number(b.looksLikeMeter) - Number(a.looksLikeMeter) || a.name.localeCompare(b.name);
  return [...found.values()].sort(byUse).slice(0, MOST_FOUND);
}

const SHELLY_NAME = /^shelly[A-Za-z0-9_.-]{0,57}$/i;
/** shellyem, shellyem3, shellyproem50, shellypro3em63, shellyemg3, shelly3em63g3, shellyemmini... */
const METER_NAME = /^shelly(?:pro)?3?em/i;

/** Null when it is no Shelly, or has no address that can be asked. */
export function readService({ name, port, addresses, txt }: HeardService): FoundShelly | null {
  if (typeof name !== "string" || !SHELLY_NAME.test(name)) return null;
  if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65_535) return null;
  const address = Array.isArray(addresses) ? addresses.find(isAskable) : undefined;
  if (address === undefined) return null;
  return {
    name,
    host: port === 80 ? address : `${address}:${port}`,
    generation: readGeneration(txt),
    looksLikeMeter: METER_NAME.test(name),
  };
}

/** No loopback, link-local or multicast: those are not where a meter is. */
const isAskable = (address: unknown): address is string =>
  typeof address === "string" && isIPv4(address) && !/^(?:0|127|169\.254|22[4-9]|2[345]\d)\./.test(address);

function readGeneration(txt: unknown): number | null {
  if (typeof txt !== "object" || txt === null || !("gen" in txt)) return null;
  const generation = Number(String(txt.gen).slice(0, 3));
  return Number.isInteger(generation) && generation >= 1 && generation <= 99 ? generation : null;
}

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
