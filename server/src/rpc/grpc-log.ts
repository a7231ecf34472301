import { setLogger } from "@grpc/grpc-js";
import type { Log } from "./log.js";

/**
 * Sends what the gRPC library has to say of itself to a log, at debug: it writes to stderr else, in lines of its
 * own make, and whatever matters of it reaches a caller or the log by an error. For a whole process: the
 * library has one logger.
 */
export function routeGrpcLog(log: Log): void {
  const tell = (...words: unknown[]) => {
    log.debug({ grpc: words.map(String).join(" ") }, "from the gRPC library");
  };
  setLogger({ error: tell, info: tell, debug: tell });
}
