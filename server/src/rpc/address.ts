import type { Address } from "@capstan/proto/address.js";
import { readAddress } from "@capstan/proto/address.js";
import { isLoopbackHost } from "./auth.js";

/**
 * Where to listen; port 0 takes a free one.
 *
 * @param name what it was given as, for whoever reads the error
 * @throws RangeError if it is not `host:port`; an IPv6 host stands in brackets
 */
export function parseAddress(address: string, name = "address"): Address {
  return readAddress(name, address, 0);
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * In the clear, whoever can reach the port can do everything: that is for one machine alone, unless
 * somebody says that the network is theirs.
 *
 * @throws RangeError with what to do instead
 */
export function refuseOpenDoor(address: Address, insecure: boolean): void {
  if (insecure || isLoopbackHost(address.host)) return;
  throw new RangeError(
    `refusing to listen at ${formatAddress(address)}: the connection is in the clear and callers need ` +
      "no token, so anyone who can reach it could run anything. Listen on 127.0.0.1, or say " +
      "insecure (--insecure) if this network is yours alone",
  );
}

/** What keeps a server from listening somewhere, in words where the system has a code. */
export function whyNotThere({ message }: Error): string {
  if (/name resolution failed/i.test(message)) return "no host of that name is known";
  if (message.includes("EADDRNOTAVAIL")) return "that address is not one of this machine";
  if (message.includes("EACCES")) return "this user may not listen at that port";
  return message;
}
