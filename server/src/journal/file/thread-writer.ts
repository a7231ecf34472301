import { Worker } from "node:worker_threads";
import { JournalFailure, messageOf } from "../journal-error.js";
import {
  fromPlain,
  type PlainError,
  type ThreadData,
  type ThreadReply,
  type ThreadRequest,
} from "./thread-protocol.js";
import { type Writer } from "./writer.js";

interface Waiting {
  readonly resolve: (reply: ThreadReply) => void;
  readonly reject: (error: Error) => void;
}

/** Starts a writer in a thread of its own. */
export function threadWriter(data: ThreadData): Writer {
  return new ThreadWriter(data);
}

class ThreadWriter implements Writer {
  readonly #worker: Worker;
  /** In the order of their requests, which is the order of the replies. */
  readonly #waiting: Waiting[] = [];
  readonly #exited: Promise<unknown>;
  #failure: JournalFailure | undefined;
  #closing: Promise<void> | undefined;

  constructor(data: ThreadData) {
    const url = new URL("./writer-thread.js", import.meta.url);
    // The process's own options are not the thread's business.
    this.#worker = new Worker(url, { workerData: data, execArgv: [], name: "journal" });
    this.#exited = new Promise((resolve) => this.#worker.once("exit", resolve));
    this.#worker.on("message", (reply: ThreadReply) => {
      this.#settle(reply);
    });
    // Only at its exit has all come that it answered before: that says what happened, and not the end of it.
    let cause: unknown;
    this.#worker.on("error", (error) => (cause = error));
    this.#worker.on("exit", () => {
      this.#fail(cause);
    });
  }

  async open() {
    return expect("opened", await this.#request({ kind: "open" })).state;
  }

  async append(epoch: number, given: Uint8Array) {
    // Part of a larger buffer cannot be given away: it may be somebody else's.
    const owns = given.byteLength === given.buffer.byteLength;
    const body = owns ? given : new Uint8Array(given);
    const reply = await this.#request({ kind: "append", epoch, body }, [
      body.buffer as ArrayBuffer,
    ]);
    const outcome = expect("appended", reply).reply;
    if (outcome.kind === "durable") return outcome;
    return { ...outcome, cause: fromPlain(outcome.cause as PlainError) };
  }

  async truncate(below: number) {
    return expect("truncated", await this.#request({ kind: "truncate", below })).firstIndex;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // A thread that is already gone has nothing left to close.
    await this.#request({ kind: "close" }).catch(() => undefined);
    await this.#exited;
  }

  #request(request: ThreadRequest, transfer: ArrayBuffer[] = []): Promise<ThreadReply> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#worker.postMessage(request, transfer);
      this.#waiting.push({ resolve, reject });
    });
  }

  #settle(reply: ThreadReply): void {
    const waiting = this.#waiting.shift();
    if (reply.kind === "error") waiting?.reject(fromPlain(reply.error));
    else waiting?.resolve(reply);
  }

  #fail(cause: unknown): void {
    const why = cause === undefined ? "" : `: ${messageOf(cause)}`;
    const message = `the journal's writer thread has ended${why}`;
    this.#failure ??= new JournalFailure(message, cause === undefined ? {} : { cause });
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#failure);
  }
}

function expect<K extends ThreadReply["kind"]>(kind: K, reply: ThreadReply) {
  if (reply.kind !== kind) throw new Error(`the writer thread answered ${reply.kind} to ${kind}`);
  return reply as Extract<ThreadReply, { readonly kind: K }>;
}
