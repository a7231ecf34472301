import { Worker as Thread } from "node:worker_threads";
import { HeartbeatResponse } from "@capstan/proto/capstan/v1/master_service.js";
import { addressesOf, type ConnectionOptions, type TlsOptions } from "../connection.js";
import type { TokenTable } from "./token-table.js";

/** What the heartbeat thread is started with. */
export interface HeartbeatSetup {
  readonly address: readonly string[];
  readonly token: string | undefined;
  readonly tls: boolean | TlsOptions | undefined;
  readonly namespaces: readonly string[];
  readonly workerId: string;
  readonly incarnation: string;
  /** The memory of the {@link TokenTable}. */
  readonly memory: SharedArrayBuffer;
}

/** Who a worker is, as the thread must know. */
export interface HeartbeatIdentity {
  readonly namespaces: readonly string[];
  readonly workerId: string;
  readonly incarnation: string;
}

/**
 * Renews leases from a thread of its own while a handler blocks the worker's: the thread reads the tokens
 * from shared memory and calls Heartbeat when the worker itself has not pinged in time. It is started with
 * the first task, since a handler that blocks would leave no moment for it later.
 */
export class HeartbeatGuard {
  readonly #options: ConnectionOptions;
  readonly #identity: HeartbeatIdentity;
  readonly #tokens: TokenTable;
  readonly #onDirectives: (directives: HeartbeatResponse) => void;
  #thread: Thread | undefined;
  #isStopped = false;

  /** @param onDirectives what a reply says: cancels, settlements, a drain */
  constructor(
    options: ConnectionOptions,
    identity: HeartbeatIdentity,
    tokens: TokenTable,
    onDirectives: (directives: HeartbeatResponse) => void,
  ) {
    this.#options = options;
    this.#identity = identity;
    this.#tokens = tokens;
    this.#onDirectives = onDirectives;
  }

  /** Starts the thread, if it does not run yet. */
  start(): void {
    if (this.#thread !== undefined || this.#isStopped) return;
    const { token, tls } = this.#options;
    const setup: HeartbeatSetup = {
      namespaces: this.#identity.namespaces,
      workerId: this.#identity.workerId,
      incarnation: this.#identity.incarnation,
      address: addressesOf(this.#options),
      token: typeof token === "function" ? token() : token,
      tls,
      memory: this.#tokens.memory,
    };
    const thread = new Thread(new URL("./heartbeat-thread.js", import.meta.url), {
      workerData: setup,
      name: "capstan-heartbeat",
      // What a program preloads is for its own thread.
      execArgv: [],
    });
    thread.unref();
    thread.on("message", (bytes: Uint8Array) => {
      if (!this.#isStopped) this.#onDirectives(HeartbeatResponse.decode(bytes));
    });
    // Without it a blocking handler loses its lease, and nothing worse: the next task starts another.
    thread.on("error", () => {
      if (this.#thread === thread) this.#thread = undefined;
    });
    this.#thread = thread;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#thread?.terminate();
  }
}
