import type { Http2Server, ServerHttp2Session } from "node:http2";
import type { Server } from "@grpc/grpc-js";

/** How much of a call may be under way to us unread: a whole message. Bytes. */
const streamWindowBytes = 1_048_576;
/** How much of all calls of a connection. Bytes. */
const connectionWindowBytes = 4 * streamWindowBytes;

/** What is looked at behind the back of grpc-js 1.14. Any of it may be gone in another version. */
interface Internals {
  readonly commonServerOptions?: { settings?: { initialWindowSize?: number } };
  readonly http2Servers?: ReadonlyMap<Pick<Http2Server, "on">, unknown>;
}

/**
 * Lets clients send more than the 64 KiB of HTTP/2 before they hear from us: with those, a part of an
 * upload comes in seven pieces, and each waits for a turn of the event loop. grpc-js takes such an
 * option for its clients (`grpc-node.flow_control_window`) and has none for its servers. Where it no
 * longer looks like this, uploads are slower, and nothing else happens.
 *
 * Called before the server is bound.
 */
export function widenStreams(server: Server): void {
  const options = (server as unknown as Internals).commonServerOptions;
  if (options !== undefined) {
    options.settings = { ...options.settings, initialWindowSize: streamWindowBytes };
  }
}

/** The same for what all streams of a connection share. Called once the server is bound. */
export function widenConnections(server: Server): void {
  const { http2Servers } = server as unknown as Internals;
  for (const http2Server of http2Servers?.keys() ?? []) {
    http2Server.on("session", (session: ServerHttp2Session) => {
      session.setLocalWindowSize(connectionWindowBytes);
    });
  }
}
