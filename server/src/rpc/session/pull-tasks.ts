import type {
  PullTasksRequest,
  PullTasksResponse,
} from "@capstan/proto/capstan/v1/master_service.js";
import { MasterServiceService } from "@capstan/proto/capstan/v1/master_service.js";
import type { handleBidiStreamingCall, ServerDuplexStream } from "@grpc/grpc-js";
import type { Log } from "../log.js";
import { toStatus } from "../status.js";
import type { Session } from "./session.js";
import type { SessionLink } from "./session-parts.js";
import type { Sessions } from "./sessions.js";

/**
 * The MasterService with a PullTasks that hands over frames as they came: sessions read and write
 * them by hand. A server that serves `pullTasks` must be given this definition.
 */
export const masterService = {
  ...MasterServiceService,
  pullTasks: {
    ...MasterServiceService.pullTasks,
    requestDeserialize: (frame: Buffer) => frame as unknown as PullTasksRequest,
    responseSerialize: (frame: PullTasksResponse) => frame as unknown as Buffer,
  },
};

/** The stream as it is under that definition: bytes both ways. */
type Call = ServerDuplexStream<Buffer, Buffer>;

/** Bytes that are handed to the stream and not taken by the network yet, at the most. */
const outstandingBytesMax = 1_024 * 1_024;

/** The stream of a worker. To be served by `masterService`. */
export function pullTasks(deps: {
  readonly sessions: Sessions;
  readonly log: Log;
}): handleBidiStreamingCall<PullTasksRequest, PullTasksResponse> {
  const { sessions, log } = deps;
  return (typedCall) => {
    const call = typedCall as unknown as Call;
    const link = new GrpcLink(call, log);
    let session: Session;
    try {
      session = sessions.open(link);
    } catch (error) {
      link.end(error);
      return;
    }
    link.onRoom = () => session.drained();
    call.on("data", (frame: Buffer) => session.receive(frame));
    call.on("end", () => session.halfClosed());
    call.on("cancelled", () => session.end(undefined));
    call.on("drain", () => link.check());
  };
}

/** A grpc-js stream as a session sees it. */
class GrpcLink implements SessionLink {
  onRoom: () => void = () => undefined;
  #outstandingBytes = 0;
  #isFull = false;
  #hasEnded = false;

  constructor(
    private readonly call: Call,
    private readonly log: Log,
  ) {}

  write(frame: Buffer): boolean {
    this.#outstandingBytes += frame.length;
    const hasRoom = this.call.write(frame, () => {
      this.#outstandingBytes -= frame.length;
      this.check();
    });
    if (!hasRoom || this.#outstandingBytes >= outstandingBytesMax) this.#isFull = true;
    return !this.#isFull;
  }

  pause(): void {
    this.call.pause();
  }

  resume(): void {
    this.call.resume();
  }

  end(error: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.call.cancelled) return;
    // What still comes is of no use, but must be read for the end to be seen.
    this.call.resume();
    if (error === undefined) this.call.end();
    else this.call.emit("error", toStatus(error, this.log));
  }

  /** Something was written: is there room again? */
  check(): void {
    if (!this.#isFull || this.call.writableNeedDrain) return;
    if (this.#outstandingBytes > outstandingBytesMax / 2) return;
    this.#isFull = false;
    this.onRoom();
  }
}
