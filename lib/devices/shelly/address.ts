import { parseHttpUrl } from "../../io/http.ts";
import { EvError } from "../../model/errors.ts";

/** Where a device is. */
export interface DeviceAddress {
  /** Name or IP address, with the port when it is not 80. */
  readonly host: string;
  /** Without a slash at the end, for example `http://192.0.2.10:8080` */
  readonly baseUrl: string;
}

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;
const BARE_IPV6 = /^[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*$/i;

/**
 * Reads what people type or paste: `192.0.2.10`, `shelly.example:8080`, `http://192.0.2.10/status`. Path and query are
 * dropped.
 *
 * @throws EvError `config` when it is empty, no address, not plain http, or carries a user name
 */
export function parseDeviceAddress(typed: string): DeviceAddress {
  const text = typed.trim();
  if (text === "") {
    throw new EvError("config", "Open the node and enter the address of the meter, for example 192.0.2.10.");
  }
  const withScheme = SCHEME.test(text) ? text : `http://${BARE_IPV6.test(text) ? `[${text}]` : text}`;
  const url = parseHttpUrl(withScheme);
  if (url.protocol !== "http:") {
    throw new EvError(
      "config",
      "A Shelly meter is asked by plain http: leave out https:// and enter the address alone.",
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new EvError("config", "Enter user name and password in their own fields, not in the address.");
  }
  return { host: url.host, baseUrl: url.origin };
}
