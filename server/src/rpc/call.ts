import type {
  handleServerStreamingCall,
  handleUnaryCall,
  ServerUnaryCall,
  ServerWritableStream,
} from "@grpc/grpc-js";
import { InvalidInputError } from "./errors.js";
import type { Log } from "./log.js";
import { toStatus } from "./status.js";
import { StreamWriter } from "./stream-writer.js";

/** A request as it came off the wire. */
export interface Received<T> {
  readonly kind: "message";
  readonly message: T;
  /** What it took on the wire. */
  readonly bytes: number;
}

/**
 * Bytes that are no message of their type. Left to grpc-js they would end as INTERNAL, as if the
 * fault were ours; so they go to the handler's adapter as a value.
 */
export interface Malformed {
  readonly kind: "malformed";
}

/** The reader failed by a fault of its own, which says nothing of the bytes. */
export interface ReaderBug {
  readonly kind: "bug";
  readonly error: Error;
}

export type Incoming<T> = Received<T> | Malformed | ReaderBug;

const malformed: Malformed = { kind: "malformed" };

/** Reads bytes, and keeps apart whose fault it is when they cannot be read. */
export function readIncoming<T>(decode: (bytes: Buffer) => T, bytes: Buffer): Incoming<T> {
  try {
    return { kind: "message", message: decode(bytes), bytes: bytes.length };
  } catch (error) {
    // Readers answer bad bytes with other errors than these, whatever the bytes.
    const isBug = error instanceof TypeError || error instanceof ReferenceError;
    return isBug ? { kind: "bug", error } : malformed;
  }
}

/** @throws InvalidInputError when it is no message; what the reader threw when that is a bug */
export function messageOf<T>(incoming: Incoming<T>): Received<T> {
  if (incoming.kind === "message") return incoming;
  if (incoming.kind === "bug") throw incoming.error;
  const violation = { field: "", description: "the bytes are no message of this type" };
  throw new InvalidInputError([violation], "MALFORMED");
}

/**
 * Decode, submit, encode: a unary handler says no more than that. Whatever it throws becomes a
 * status here; a bug goes to the log. One that takes long asks now and then whether anybody still waits.
 */
export function unary<Q, A>(
  log: Log,
  answer: (request: Q, received: Received<Q>, isOver: () => boolean) => Promise<A>,
): handleUnaryCall<Incoming<Q>, A> {
  return (call: ServerUnaryCall<Incoming<Q>, A>, callback) => {
    const run = async () => {
      const received = messageOf(call.request);
      return answer(received.message, received, () => call.cancelled);
    };
    run().then(
      (value) => {
        callback(null, value);
      },
      (error: unknown) => {
        callback(toStatus(error, log));
      },
    );
  };
}

/** As `unary`, for a call that is answered by a stream. It ends OK when `answer` returns. */
export function serverStream<Q, A>(
  log: Log,
  answer: (request: Q, writer: StreamWriter<A>) => Promise<void>,
): handleServerStreamingCall<Incoming<Q>, A> {
  return (call: ServerWritableStream<Incoming<Q>, A>) => {
    const writer = new StreamWriter<A>(call);
    const run = async () => {
      await answer(messageOf(call.request).message, writer);
    };
    run().then(
      () => {
        call.end();
      },
      (error: unknown) => {
        // grpc-js ends a stream with the status of the error that is emitted on it.
        if (!writer.isOver) call.emit("error", toStatus(error, log));
      },
    );
  };
}
