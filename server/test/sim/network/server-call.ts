import { EventEmitter } from "node:events";
import type { StatusObject } from "@grpc/grpc-js";

interface ServerCallEvents {
  write(message: unknown, taken: () => void): void;
  end(error: Partial<StatusObject> | undefined): void;
}

/** The master's end: what its handlers use of grpc-js' ServerWritableStream. */
export class ServerCall extends EventEmitter {
  request: unknown;
  cancelled = false;
  onCancel: (then: () => void) => void = () => undefined;
  #isOver = false;
  readonly #events: ServerCallEvents;

  constructor(events: ServerCallEvents) {
    super();
    this.#events = events;
    this.on("error", (error: Partial<StatusObject>) => {
      this.#close(error);
    });
  }

  write(message: unknown, taken: () => void): boolean {
    if (!this.#isOver) this.#events.write(message, taken);
    return true;
  }

  end(): void {
    this.#close(undefined);
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = this.cancelled = true;
    this.emit("cancelled");
    this.emit("close");
  }

  #close(error: Partial<StatusObject> | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#events.end(error);
    this.emit("close");
  }
}
