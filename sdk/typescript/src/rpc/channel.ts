import {
  Client,
  credentials,
  Metadata,
  type ChannelCredentials,
  type ChannelOptions,
} from "@grpc/grpc-js";
import type { ConnectionOptions } from "../connection.js";

/** The largest message of the contract, with room. Bytes. */
const maxMessageBytes = 4 * 1024 * 1024;

/**
 * How channels are set up. Retries are ours (grpc-js would keep every message of a stream for them), and
 * so is the choice of the address; each client has connections of its own, so that a dead one is never
 * shared with the attempt that is to replace it.
 */
const channelOptions: ChannelOptions = {
  "grpc.max_receive_message_length": maxMessageBytes,
  "grpc.max_send_message_length": maxMessageBytes,
  "grpc.enable_retries": 0,
  "grpc.enable_channelz": 0,
  "grpc.service_config_disable_resolution": 1,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  // What may be under way to us unread: with the 64 KiB of HTTP/2 a frame of assignments comes in pieces.
  "grpc-node.flow_control_window": 1_048_576,
};

/** A new gRPC client for an address: it connects when it is first used. */
export function openChannel(address: string, options: ConnectionOptions): Client {
  return new Client(address, credentialsOf(options), channelOptions);
}

/** The metadata of a call: the access token, read anew. */
export function metadataOf(options: ConnectionOptions): Metadata {
  const metadata = new Metadata();
  const token = typeof options.token === "function" ? options.token() : options.token;
  if (token !== undefined && token !== "") metadata.set("authorization", `Bearer ${token}`);
  return metadata;
}

function credentialsOf({ tls }: ConnectionOptions): ChannelCredentials {
  if (tls === undefined || tls === false) return credentials.createInsecure();
  if (tls === true) return credentials.createSsl();
  return credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null);
}
