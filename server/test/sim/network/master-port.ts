import type { Session, SessionLink } from "../../../src/rpc/session/index.js";
import type { ProcessClock } from "../process-clock.js";
import type { MethodName } from "./methods.js";
import type { Refusal, Reply } from "./reply.js";
import type { ServerCall } from "./server-call.js";

/** A process of the master, as the network sees it. */
export interface MasterPort {
  readonly clock: ProcessClock;
  /** Calls a handler as the server would: bytes in, bytes or a status out. */
  call(name: MethodName, bytes: Buffer, reply: (reply: Reply) => void): void;
  /** As `call`, for one that is answered by a stream. */
  serve(name: MethodName, bytes: Buffer, call: ServerCall): void;
  /** One message of such a stream as bytes. */
  encode(name: MethodName, message: unknown): Buffer;
  /** A worker's stream has come. @returns undefined when it was refused */
  openSession(link: SessionLink): Session | undefined;
  refusalOf(error: unknown): Refusal;
  /** Calls back when this process is gone. @returns how to take that back */
  onDeath(then: () => void): () => void;
}
