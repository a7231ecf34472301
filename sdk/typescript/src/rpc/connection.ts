import type { Client } from "@grpc/grpc-js";
import { Backoff, sleep } from "../backoff.js";
import { addressesOf, type ConnectionOptions } from "../connection.js";
import { callError } from "../call-error.js";
import { CapstanError } from "../errors.js";
import { Reachability } from "../reachability.js";
import { metadataOf, openChannel } from "./channel.js";
import { messagesOf } from "./messages.js";
import type { Method } from "./methods.js";

/** How calls are made. */
export interface CallLimits {
  /** The deadline of one try. Milliseconds. */
  readonly callTimeoutMs: number;
  /** For how long an unavailable master is tried again. Milliseconds; Infinity for ever. */
  readonly retryForMs: number;
}

const retryLimits = { baseMs: 50, capMs: 5_000 };

/**
 * Calls to a master at one of several addresses, repeated while that helps. Every call of the contract
 * may be repeated: those that write carry what makes the second time change nothing.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #addresses: readonly string[];
  readonly #limits: CallLimits;
  readonly #reachability: Reachability;
  /** What streams broke off with that had brought something: no news yet, the next may stand at once. */
  readonly #breaks = new WeakSet<CapstanError>();
  #position = 0;
  #leader: string | undefined;
  #client: Client | undefined;
  #closed = false;

  constructor(options: ConnectionOptions, limits: CallLimits) {
    this.#options = options;
    this.#addresses = addressesOf(options);
    this.#limits = limits;
    this.#reachability = new Reachability(this.#addresses, options.onConnection);
  }

  /**
   * Makes a unary call.
   * @throws CapstanError, or the signal's reason
   */
  async unary<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    signal?: AbortSignal,
  ): Promise<Response> {
    const retries = this.retries(signal);
    for (;;) {
      try {
        return await this.#once(method, request, signal);
      } catch (error) {
        await retries.next(error);
      }
    }
  }

  /**
   * Reads a server stream once, with back-pressure: leaving the loop cancels the call.
   * @throws CapstanError, or the signal's reason
   */
  async *stream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    signal?: AbortSignal,
  ): AsyncGenerator<Response, void, undefined> {
    signal?.throwIfAborted();
    const client = this.#open();
    const address = this.#address;
    let hasAnswered = false;
    const call = withoutStack(() =>
      client.makeServerStreamRequest(
        method.path,
        method.serialize,
        method.deserialize,
        request,
        metadataOf(this.#options),
      ),
    );
    const onAbort = (): void => call.cancel();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      for await (const message of messagesOf(call)) {
        hasAnswered = true;
        this.#reachability.answered();
        yield message;
      }
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      const known = callError(error, address);
      if (hasAnswered) this.#breaks.add(known);
      throw known;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      call.cancel();
    }
  }

  /** What decides, after each failure of one piece of work, whether and when to try it again. */
  retries(signal?: AbortSignal, retryForMs = this.#limits.retryForMs): Retries {
    return new Retries(retryForMs, signal, (error) => this.#turnAway(error));
  }

  /** Ends all calls. */
  close(): void {
    this.#closed = true;
    this.#client?.close();
    this.#client = undefined;
  }

  #once<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const onAbort = (): void => call.cancel();
      const client = this.#open();
      const address = this.#address;
      const { callTimeoutMs } = this.#limits;
      const call = withoutStack(() =>
        client.makeUnaryRequest(
          method.path,
          method.serialize,
          method.deserialize,
          request,
          metadataOf(this.#options),
          { deadline: Date.now() + callTimeoutMs },
          (error, response) => {
            signal?.removeEventListener("abort", onAbort);
            if (error !== null) {
              reject(callError(error, address, callTimeoutMs));
              return;
            }
            this.#reachability.answered();
            resolve(response as Response);
          },
        ),
      );
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  #open(): Client {
    if (this.#closed) {
      throw new CapstanError("the client is closed", { code: "FAILED_PRECONDITION" });
    }
    this.#client ??= openChannel(this.#address, this.#options);
    return this.#client;
  }

  get #address(): string {
    return this.#leader ?? this.#addresses[this.#position] ?? "";
  }

  /** Tries another address next, if there is one: the leader that was named, or whose turn it is. */
  #turnAway(error: CapstanError): void {
    if (isOfLink(error) && !this.#breaks.has(error)) this.#reachability.failed(error);
    if (error.code !== "UNAVAILABLE") return;
    const leader = error.metadata["leader"];
    if (error.reason === "NOT_LEADER" && leader !== undefined && leader !== this.#leader) {
      this.#leader = leader;
    } else if (this.#addresses.length > 1 || this.#leader !== undefined) {
      this.#leader = undefined;
      this.#position = (this.#position + 1) % this.#addresses.length;
    } else {
      return;
    }
    this.#client?.close();
    this.#client = undefined;
  }
}

/** The tries of one piece of work. */
export class Retries {
  readonly #backoff = new Backoff(retryLimits);
  readonly #retryForMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onFailure: (error: CapstanError) => void;
  #since = performance.now();

  constructor(
    retryForMs: number,
    signal: AbortSignal | undefined,
    onFailure: (error: CapstanError) => void,
  ) {
    this.#retryForMs = retryForMs;
    this.#signal = signal;
    this.#onFailure = onFailure;
  }

  /**
   * Waits for the moment of the next try: a drawn while, and no less than the master asks for.
   * @throws CapstanError when another try would not help or the time is used up; the signal's reason
   */
  async next(failure: unknown): Promise<void> {
    this.#signal?.throwIfAborted();
    const error = CapstanError.from(failure);
    if (!mayHelp(error)) throw error;
    const waitMs = Math.max(this.#backoff.nextMs(), error.retryAfterMs ?? 0);
    if (performance.now() - this.#since + waitMs > this.#retryForMs) throw error;
    this.#onFailure(error);
    await sleep(waitMs, this.#signal);
  }

  /**
   * Waits a drawn while before something that did not fail is begun again.
   * @throws the signal's reason
   */
  async pause(): Promise<void> {
    await sleep(this.#backoff.nextMs(), this.#signal);
  }

  /** Something went well: the time begins anew. */
  reset(): void {
    this.#backoff.reset();
    this.#since = performance.now();
  }
}

/**
 * Begins a call. grpc-js would walk the stack of each for the error that it may end with; ours are made where
 * the call is awaited.
 */
function withoutStack<T>(begin: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return begin();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Whether it was no master that said so. */
function isOfLink({ code, reason }: CapstanError): boolean {
  return reason === "" && (code === "UNAVAILABLE" || code === "DEADLINE_EXCEEDED");
}

/** Whether the same call may succeed later. */
function mayHelp(error: CapstanError): boolean {
  switch (error.code) {
    case "UNAVAILABLE":
    case "DEADLINE_EXCEEDED":
      return true;
    case "RESOURCE_EXHAUSTED":
      return error.retryAfterMs !== undefined;
    case "INTERNAL":
    case "CANCELLED":
      // Without a reason it was not the master but the link that said so.
      return error.reason === "" && error.cause !== undefined;
    default:
      return false;
  }
}
