import type { OpenEvseOptions } from "./options.ts";
import type { NamePlate } from "./settings-document.ts";

/** What a charger is called and where it talks, from its options. */
export function namePlateOf(options: OpenEvseOptions): NamePlate {
  const mac = (options.mac ?? "9C9C1FE57B2C").toUpperCase();
  const hostname = `openevse-${mac.slice(-4).toLowerCase()}`;
  const broker = options.brokerUrl === undefined ? undefined : new URL(options.brokerUrl);
  return {
    mac,
    hostname,
    baseTopic: options.baseTopic ?? hostname,
    brokerHost: broker?.hostname ?? "",
    brokerPort: Number(broker?.port || 1883),
    brokerUser: options.brokerUsername ?? "",
    maxCurrentA: options.maxCurrentA ?? 32,
  };
}
