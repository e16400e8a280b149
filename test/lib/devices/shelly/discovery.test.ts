import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { discoverShellys, readService } from "../../../../lib/devices/shelly/discovery.ts";
import type { HeardService } from "../../../../lib/io/mdns.ts";
import { createManualClock } from "../../../../lib/model/clock.ts";

const heard = (name: string, more: Partial<HeardService> = {}): HeardService => ({
  name,
  port: 80,
  addresses: ["192.0.2.10"],
  txt: {},
  ...more,
});

/** Listens to `services` for the whole time. */
async function discover(services: readonly HeardService[]): Promise<{ found: readonly unknown[]; stops: number }> {
  const clock = createManualClock(0);
  let stops = 0;
  const finding = discoverShellys({
    clock,
    async browse(_types, onHeard) {
      for (const service of services) onHeard(service);
      return { stop: () => void (stops += 1) };
    },
  });
  await clock.advanceAsync(2999);
  assert.equal(stops, 0, "listens for the whole three seconds");
  await clock.advanceAsync(1);
  return { found: await finding, stops };
}

describe("the search for meters", () => {
  it("lists each device once, meters first, and stops listening", async () => {
    const { found, stops } = await discover([
      heard("shellyplug-s-aabbcc", { addresses: ["192.0.2.30"] }),
      heard("shellyproem50-08f9e0aabbcc", { txt: { gen: "2", app: "ProEM" } }),
      heard("shellyproem50-08f9e0aabbcc"),
      heard("shellyem-98CDAC1F8A20", { addresses: ["fe80::1", "192.0.2.20"], port: 8080 }),
    ]);
    assert.deepEqual(found, [
      { name: "shellyem-98CDAC1F8A20", host: "192.0.2.20:8080", generation: null, looksLikeMeter: true },
      { name: "shellyproem50-08f9e0aabbcc", host: "192.0.2.10", generation: 2, looksLikeMeter: true },
      { name: "shellyplug-s-aabbcc", host: "192.0.2.30", generation: null, looksLikeMeter: false },
    ]);
    assert.equal(stops, 1);
  });

  it("gives at most 50, whoever shouts", async () => {
    const crowd = Array.from({ length: 5000 }, (_, index) =>
      heard(`shellyem-${index}`, { addresses: [`198.51.${Math.floor(index / 250)}.${(index % 250) + 1}`] }),
    );
    assert.equal((await discover(crowd)).found.length, 50);
  });

  const strangers: readonly (readonly [string, HeardService])[] = [
    ["another maker's", heard("printer")],
    ["markup", heard("shelly<img src=x onerror=alert(1)>")],
    ["an endless name", heard(`shelly${"x".repeat(200)}`)],
    ["a line break", heard("shellyem\nX: y")],
    ["no name", { port: 80, addresses: ["192.0.2.10"] }],
    ["no address", heard("shellyem-1", { addresses: [] })],
    ["addresses that are none", heard("shellyem-1", { addresses: ["192.0.2.10/../x", "example.org", 5] })],
    ["only loopback", heard("shellyem-1", { addresses: ["127.0.0.1"] })],
    ["the metadata service of a cloud", heard("shellyem-1", { addresses: ["169.254.169.254"] })],
    ["multicast and broadcast", heard("shellyem-1", { addresses: ["224.0.0.251", "255.255.255.255"] })],
    ["port 0", heard("shellyem-1", { port: 0 })],
    ["a port in words", heard("shellyem-1", { port: "80" })],
  ];
  for (const [title, service] of strangers) {
    it(`leaves out ${title}`, () => assert.equal(readService(service), null));
  }

  it("gives clean words or nothing for anything that is heard", () => {
    fc.assert(
      fc.property(
        fc.record({ name: fc.anything(), port: fc.anything(), addresses: fc.anything(), txt: fc.anything() }),
        (raw) => {
          const found = readService(raw);
          return found === null || /^[\w.-]+$/.test(found.name);
        },
      ),
    );
    assert.equal(readService(heard("shellyem-1", { txt: { gen: "<b>" } }))?.generation, null);
  });
});
