import { isLoopbackHost } from "./auth.js";

/** Where to listen, taken apart. */
export interface ListenAddress {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** @throws RangeError if it is not `host:port`; an IPv6 host stands in brackets */
export function parseAddress(address: string): ListenAddress {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]+)):(\d{1,5})$/.exec(address);
  const host = parts?.[1] ?? parts?.[2];
  const port = Number(parts?.[3]);
  if (host === undefined || port > 65_535) {
    throw new RangeError(`cannot listen at ${JSON.stringify(address)}: it must be host:port`);
  }
  return { host, port };
}

export function formatAddress({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * In the clear, whoever can reach the port can do everything: that is for one machine alone, unless
 * somebody says that the network is theirs.
 *
 * @throws RangeError with what to do instead
 */
export function refuseOpenDoor(address: ListenAddress, insecure: boolean): void {
  if (insecure || isLoopbackHost(address.host)) return;
  throw new RangeError(
    `refusing to listen at ${formatAddress(address)}: the connection is in the clear and callers need ` +
      "no token, so anyone who can reach it could run anything. Listen on 127.0.0.1, or say " +
      "insecure (--insecure) if this network is yours alone",
  );
}
