import { context, createContextKey } from "@opentelemetry/api";
import { status, type Client, type ClientDuplexStream, type StatusObject } from "@grpc/grpc-js";
import type { ConnectionOptions } from "../connection.js";
import { callError } from "../call-error.js";
import { CapstanError } from "../errors.js";
import { metadataOf, openChannel } from "../rpc/channel.js";
import { pullTasksPath } from "../rpc/methods.js";
import { decodeFrame, type MasterSays } from "./decode-frame.js";
import { ContextReader } from "./stage-contexts.js";

/** What a session tells. */
export interface SessionEvents {
  /** A frame has come: its messages, in order. */
  onMessages(messages: readonly MasterSays[]): void;
  /** More may be written. */
  onDrain(): void;
  /** It has ended: told once, whoever ended it. */
  onEnd(error: CapstanError): void;
}

const asItIs = (bytes: Buffer): Buffer => bytes;

/** A stream never ends, so a span for it would not either: those who instrument gRPC are told to leave it. */
const suppressTracing = createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

/** How long the master has to end a stream that we have half-closed. Milliseconds. */
const closeWithinMs = 2_000;

/** One stream to one address, on a connection of its own: a dead one takes no other along. */
export class Session {
  readonly #client: Client;
  readonly #call: ClientDuplexStream<Buffer, Buffer>;
  readonly #events: SessionEvents;
  readonly #contexts = new ContextReader();
  #hasEnded = false;
  #closeTimer: NodeJS.Timeout | undefined;

  constructor(address: string, options: ConnectionOptions, events: SessionEvents) {
    this.#events = events;
    this.#client = openChannel(address, options);
    const untraced = context.active().setValue(suppressTracing, true);
    this.#call = context.with(untraced, () =>
      this.#client.makeBidiStreamRequest(pullTasksPath, asItIs, asItIs, metadataOf(options)),
    );
    this.#call.on("data", (frame: Buffer) => this.#read(frame));
    this.#call.on("drain", () => this.#events.onDrain());
    this.#call.on("status", (ended: StatusObject) => this.#end(errorOf(ended, address)));
    // The status says the same, and comes after a clean end too.
    this.#call.on("error", () => undefined);
  }

  /** @returns whether more may follow at once */
  write(frame: Buffer): boolean {
    return this.#hasEnded || this.#call.write(frame);
  }

  /** Says that nothing follows, and leaves it to the master to end the stream. */
  halfClose(): void {
    if (this.#hasEnded) return;
    this.#call.end();
    this.#closeTimer = setTimeout(() => {
      this.abandon("the master did not end the stream");
    }, closeWithinMs);
  }

  /** Ends it at once, whatever the link does. */
  abandon(why: string): void {
    this.#end(new CapstanError(why, { code: "UNAVAILABLE", reason: "SESSION_LOST" }));
  }

  #read(frame: Buffer): void {
    if (this.#hasEnded) return;
    let messages: readonly MasterSays[];
    try {
      messages = decodeFrame(frame, this.#contexts);
    } catch {
      // FRAME-4: it ends the session, never the process.
      this.abandon("a frame does not decode");
      return;
    }
    this.#events.onMessages(messages);
  }

  #end(error: CapstanError): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#closeTimer);
    this.#call.cancel();
    this.#client.close();
    this.#events.onEnd(error);
  }
}

function errorOf(ended: StatusObject, address: string): CapstanError {
  if (ended.code !== status.OK) {
    return callError(Object.assign(new Error(ended.details), ended), address);
  }
  return new CapstanError("the master ended the session", { code: "OK" });
}
