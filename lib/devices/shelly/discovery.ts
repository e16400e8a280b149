import { type DiscoveryOptions, type HeardService, listenForServices, readServiceHost } from "../../io/mdns.ts";

/*
 * Finding Shelly meters by mDNS (fact sheet v2g 4.1, 4.2): Gen1 announces `_http._tcp` only, later ones `_shelly._tcp` too.
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

const MOST_FOUND = 50;

/** Listens for three seconds. Meters first, then by name; nothing when there is no network to listen on. */
export async function discoverShellys(options: DiscoveryOptions): Promise<readonly FoundShelly[]> {
  const found = new Map<string, FoundShelly>();
  await listenForServices(["shelly", "http"], options, (service) => {
    const shelly = readService(service);
    // both kinds of announcement lead to one device; the one that tells the generation is the better one
    if (shelly !== null && (shelly.generation !== null || !found.has(shelly.host))) found.set(shelly.host, shelly);
  });
  const byUse = (a: FoundShelly, b: FoundShelly): number =>
    Number(b.looksLikeMeter) - Number(a.looksLikeMeter) || a.name.localeCompare(b.name);
  return [...found.values()].sort(byUse).slice(0, MOST_FOUND);
}

const SHELLY_NAME = /^shelly[A-Za-z0-9_.-]{0,57}$/i;
/** shellyem, shellyem3, shellyproem50, shellypro3em63, shellyemg3, shelly3em63g3, shellyemmini... */
const METER_NAME = /^shelly(?:pro)?3?em/i;

/** Null when it is no Shelly, or has no address that can be asked. */
export function readService(service: HeardService): FoundShelly | null {
  const { name, txt } = service;
  if (typeof name !== "string" || !SHELLY_NAME.test(name)) return null;
  const host = readServiceHost(service);
  if (host === null) return null;
  return { name, host, generation: readGeneration(txt), looksLikeMeter: METER_NAME.test(name) };
}

function readGeneration(txt: unknown): number | null {
  if (typeof txt !== "object" || txt === null || !("gen" in txt)) return null;
  const generation = Number(String(txt.gen).slice(0, 3));
  return Number.isInteger(generation) && generation >= 1 && generation <= 99 ? generation : null;
}
