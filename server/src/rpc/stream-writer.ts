import type { ServerWritableStream } from "@grpc/grpc-js";

/**
 * That nobody reads a stream any more: the reader is gone, or has all of it. An AbortSignal would say the
 * same, and take as long as all the rest of a short stream.
 */
export class StreamEnd {
  #has = false;
  readonly #listeners = new Set<() => void>();

  get has(): boolean {
    return this.#has;
  }

  /** Calls back once it has come; never, if it had before. */
  add(listener: () => void): void {
    this.#listeners.add(listener);
  }

  remove(listener: () => void): void {
    this.#listeners.delete(listener);
  }

  /** It has come. A stream is told so more than once: what counts is the first time. */
  reach(): void {
    if (this.#has) return;
    this.#has = true;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }
}

/** The writing end of a server stream: one message at a time, at the reader's pace. */
export class StreamWriter<A> {
  readonly end = new StreamEnd();
  readonly #call: ServerWritableStream<unknown, A>;

  constructor(call: ServerWritableStream<unknown, A>) {
    this.#call = call;
    const reach = () => {
      this.end.reach();
    };
    call.once("cancelled", reach);
    call.once("close", reach);
    if (call.cancelled) reach();
  }

  get isOver(): boolean {
    return this.end.has;
  }

  /** Resolves when the transport has taken the message, or when nobody reads any more. */
  async write(message: A): Promise<void> {
    if (this.isOver) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.end.remove(done);
        resolve();
      };
      this.end.add(done);
      this.#call.write(message, done);
    });
  }
}
