import { readAddresses } from "@capstan/proto/address.js";
import { invalidOption } from "./call-error.js";
import { fieldsOf, type Shape } from "./known-fields.js";
import type { OnConnection } from "./reachability.js";

/** Where a master is and how to speak to it: shared by Client and Worker. */
export interface ConnectionOptions {
  /**
   * Its address, `host:port`; several (or one text with commas) are tried in turn. Default
   * `127.0.0.1:7410`. The SDK reads no environment: programs that want `CAPSTAN_ADDRESS` pass it.
   */
  readonly address?: string | readonly string[] | undefined;
  /**
   * The access token sent with each call, or what reads it: called for each new connection, so that a
   * token that was replaced is found. Default none.
   */
  readonly token?: string | (() => string) | undefined;
  /** TLS: `true` for the system's authorities, or PEM files' contents. Default: in the clear. */
  readonly tls?: boolean | TlsOptions | undefined;
  /**
   * Called once when the master cannot be reached and is tried again, and once when it is back. Default: a
   * line on stderr for each. `() => {}` says nothing.
   */
  readonly onConnection?: OnConnection | undefined;
}

/** PEM contents for TLS. */
export interface TlsOptions {
  /** The authorities to trust. Default the system's. */
  readonly ca?: Buffer | undefined;
  /** The client's certificate chain, for mutual TLS. */
  readonly cert?: Buffer | undefined;
  /** The client's key, for mutual TLS. */
  readonly key?: Buffer | undefined;
}

/** What a {@link ConnectionOptions} may have. */
export const connectionFields = fieldsOf<ConnectionOptions>({
  address: null,
  token: null,
  tls: fieldsOf<TlsOptions>({ ca: null, cert: null, key: null }),
  onConnection: null,
}).fields as { readonly [K in keyof Required<ConnectionOptions>]: Shape | null };

/** The address of a master where none is given. */
export const defaultAddress = "127.0.0.1:7410";

/**
 * The addresses of the options, at least one.
 * @throws InvalidArgumentError when one is not `host:port`
 */
export function addressesOf(options: ConnectionOptions): readonly string[] {
  const given = typeof options.address === "string" ? [options.address] : (options.address ?? []);
  if (given.length === 0) return [defaultAddress];
  try {
    return readAddresses("address", given);
  } catch (error) {
    throw invalidOption("address", error);
  }
}
