import { Worker } from "node:worker_threads";
import { fromPlain, type PlainError } from "../journal/file/thread-protocol.js";
import type { Journal } from "../journal/journal.js";
import { inMemory, type SetAside } from "./database.js";
import type { History, Retention } from "./history.js";
import { defaultRetention, HistoryError } from "./history.js";
import type { Entry } from "./store.js";
import type {
  QueryAnswer,
  QueryArguments,
  QueryName,
  ThreadData,
  ThreadReply,
  ThreadRequest,
} from "./thread-protocol.js";

export { peekHistory } from "./database.js";

/** Entries that are fed at a time, in bytes. */
const feedBytes = 4 * 1024 * 1024;

/** Something that whoever operates the master should know. */
export type HistoryNews =
  /** A file that was no good lies elsewhere now; the history is built anew. */
  | ({ readonly kind: "set_aside" } & SetAside)
  /** DATA_LOSS of the history: entries below this one are gone from the journal too. */
  | { readonly kind: "lost"; readonly below: number }
  /** It could not be written just now, and goes on by itself. */
  | { readonly kind: "trouble"; readonly error: Error }
  /** What could not be written is written now. */
  | { readonly kind: "recovered" }
  /** It has ended: nothing leaves the core, and what has left cannot be read, until a restart. */
  | { readonly kind: "failed"; readonly error: Error };

export interface HistoryOptions {
  /** The journal that it is the history of, replayed and claimed. */
  readonly journal: Journal;
  /** Number of the stage that is submitted next. */
  readonly nextStage: number;
  /** Where it lies: its file and the journal's folder; absent: in memory, as its journal. */
  readonly file?: { readonly path: string; readonly directory: string };
  readonly retention?: Partial<Retention>;
  /** How long what was projected stays unsynced, in milliseconds. Default 1,000. */
  readonly syncIntervalMs?: number;
  /** Is told what went wrong. */
  readonly onNews: (news: HistoryNews) => void;
}

/**
 * Starts the history's thread.
 *
 * @throws JournalError `newer_format` if a later release wrote the file; `failed` if it cannot be opened
 */
export async function openHistory(options: HistoryOptions): Promise<History> {
  const { journal, nextStage, file } = options;
  const { id, firstIndex, lastIndex } = journal;
  const history = new ThreadHistory(options, {
    path: file?.path ?? inMemory,
    retention: { ...defaultRetention, ...options.retention },
    syncIntervalMs: options.syncIntervalMs ?? 1_000,
    source: file === undefined ? { kind: "fed" } : { kind: "file", directory: file.directory },
    journal: { id, firstIndex, lastIndex, nextStage },
  });
  try {
    await history.opened;
  } catch (error) {
    await history.close();
    throw error;
  }
  return history;
}

type Moved = Pick<
  Extract<ThreadReply, { readonly kind: "progress" }>,
  "projected" | "checkpoint" | "firstJob"
>;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The history as the master sees it: requests to its thread, and what that has said. */
class ThreadHistory implements History {
  /** Resolves when the thread has its database open. */
  readonly opened: Promise<void>;
  readonly #worker: Worker;
  readonly #exited: Promise<unknown>;
  readonly #journal: Journal;
  readonly #isFed: boolean;
  readonly #onNews: (news: HistoryNews) => void;
  /** Queries wait for what the journal had when the history was opened, or began anew. */
  #builtThrough: number;
  readonly #listeners = new Set<(checkpoint: number) => void>();
  readonly #queries = new Map<number, Waiting>();
  #indexWaiters: { readonly index: number; readonly waiting: Waiting }[] = [];
  #expiring: (() => void)[] = [];
  #lastQuery = 0;
  #checkpoint = 0;
  #projected = 0;
  #firstJob = 0;
  #wanted = 0;
  /** Up to where the thread was asked to project. */
  #asked = 0;
  #fed = 0;
  #isFeeding = false;
  /** In trouble until this entry is synced; 0: it is not. */
  #troubleThrough = 0;
  #failure: HistoryError | undefined;
  #isOpened = false;
  #settleOpened: { resolve: () => void; reject: (error: Error) => void };
  #closing: Promise<void> | undefined;

  constructor({ journal, file, onNews }: HistoryOptions, data: ThreadData) {
    this.#journal = journal;
    this.#isFed = file === undefined;
    this.#onNews = onNews;
    this.#builtThrough = journal.lastIndex;
    this.#settleOpened = { resolve: () => undefined, reject: () => undefined };
    this.opened = new Promise((resolve, reject) => {
      this.#settleOpened = {
        resolve: () => {
          this.#isOpened = true;
          resolve();
        },
        reject,
      };
    });
    const url = new URL("./history-thread.js", import.meta.url);
    // The process's own options are not the thread's business.
    this.#worker = new Worker(url, { workerData: data, execArgv: [], name: "history" });
    this.#exited = new Promise((resolve) => this.#worker.once("exit", resolve));
    this.#worker.on("message", (reply: ThreadReply) => {
      this.#take(reply);
    });
    // Only at its exit has all come that it said: that goes before the end of it.
    let cause: unknown = new Error("its thread has ended");
    this.#worker.on("error", (error) => (cause = error));
    this.#worker.on("exit", () => {
      this.#fail(cause);
    });
  }

  get checkpoint(): number {
    return this.#checkpoint;
  }

  get projected(): number {
    return this.#projected;
  }

  get firstJob(): number {
    return this.#firstJob;
  }

  follow(durableIndex: number): void {
    this.#wanted = Math.max(this.#wanted, durableIndex);
    this.#askOn();
  }

  onSynced(listener: (checkpoint: number) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  caughtUp(index: number): Promise<void> {
    if (this.#projected >= index) return Promise.resolve();
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const settle = () => {
        resolve();
      };
      this.#indexWaiters.push({ index, waiting: { resolve: settle, reject } });
    });
  }

  expire(wall: number): Promise<void> {
    if (this.#failure !== undefined) return Promise.resolve();
    this.#post({ kind: "expire", wall });
    return new Promise((resolve) => this.#expiring.push(resolve));
  }

  job(...args: QueryArguments<"job">) {
    return this.#query("job", args);
  }

  jobs(...args: QueryArguments<"jobs">) {
    return this.#query("jobs", args);
  }

  tasks(...args: QueryArguments<"tasks">) {
    return this.#query("tasks", args);
  }

  task(...args: QueryArguments<"task">) {
    return this.#query("task", args);
  }

  outputs(...args: QueryArguments<"outputs">) {
    return this.#query("outputs", args);
  }

  payload(...args: QueryArguments<"payload">) {
    return this.#query("payload", args);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#failure === undefined) this.#post({ kind: "close" });
    this.#failure ??= new HistoryError("the history is closed");
    await this.#exited;
  }

  async #query<Q extends QueryName>(name: Q, args: QueryArguments<Q>): Promise<QueryAnswer<Q>> {
    await this.caughtUp(this.#builtThrough);
    if (this.#failure !== undefined) throw this.#failure;
    const id = ++this.#lastQuery;
    const answer = new Promise((resolve, reject) => {
      this.#queries.set(id, { resolve, reject });
    });
    this.#post({ kind: "query", id, name, args });
    return (await answer) as QueryAnswer<Q>;
  }

  /** One request at a time: while the thread is busy, what becomes durable is asked for at once. */
  #askOn(): void {
    if (this.#failure !== undefined || this.#wanted <= this.#asked) return;
    if (this.#asked > this.#projected) return;
    if (this.#isFed) {
      void this.#feed();
    } else {
      this.#asked = this.#wanted;
      this.#post({ kind: "follow", through: this.#asked, entries: [] });
    }
  }

  /** Sends the next entries of a journal that lies in this thread's memory. */
  async #feed(): Promise<void> {
    if (this.#isFeeding) return;
    this.#isFeeding = true;
    try {
      const entries: Entry[] = [];
      let bytes = 0;
      for await (const { index, body } of this.#journal.read(this.#fed + 1)) {
        if (index > this.#wanted) break;
        entries.push({ index, body });
        this.#fed = index;
        bytes += body.length;
        if (bytes >= feedBytes) break;
      }
      if (entries.length === 0 || this.#failure !== undefined) return;
      this.#asked = this.#fed;
      this.#post({ kind: "follow", through: this.#asked, entries });
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isFeeding = false;
    }
  }

  #post(request: ThreadRequest): void {
    this.#worker.postMessage(request);
  }

  #take(reply: ThreadReply): void {
    switch (reply.kind) {
      case "opened":
        return this.#opened(reply);
      case "progress":
        return this.#moved(reply);
      case "answer":
        return this.#settle(reply.id)?.resolve(reply.value);
      case "refused":
        return this.#settle(reply.id)?.reject(refusalOf(reply.error));
      case "expired":
        for (const resolve of this.#expiring.splice(0)) resolve();
        return;
      case "trouble":
        // Said once: it is tried again each second.
        if (this.#troubleThrough === 0) {
          this.#onNews({ kind: "trouble", error: fromPlain(reply.error) });
        }
        this.#troubleThrough = Math.max(1, this.#wanted);
        // It need not be open for the master to go on.
        return this.#settleOpened.resolve();
      case "failed":
        if (reply.setAside !== undefined) this.#onNews({ kind: "set_aside", ...reply.setAside });
        return this.#fail(fromPlain(reply.error));
      case "closed":
        return;
    }
  }

  /** At first, and again after trouble or damage: then it may know less than before. */
  #opened(reply: Extract<ThreadReply, { readonly kind: "opened" }>): void {
    const { projected, checkpoint, setAside, lostBelow } = reply;
    if (checkpoint < this.#checkpoint) {
      // What was asked meanwhile would be denied by what is empty now.
      this.#builtThrough = this.#journal.lastIndex;
      const why = setAside === undefined ? "" : `: ${setAside.reason}`;
      this.#refuseQueries(new HistoryError(`the history was damaged and is built anew${why}`));
    }
    this.#checkpoint = checkpoint;
    this.#asked = this.#fed = projected;
    if (setAside !== undefined) this.#onNews({ kind: "set_aside", ...setAside });
    if (lostBelow !== undefined) this.#onNews({ kind: "lost", below: lostBelow });
    this.#settleOpened.resolve();
    this.#moved(reply);
  }

  #moved({ projected, checkpoint, firstJob }: Moved): void {
    this.#projected = projected;
    const isSynced = checkpoint > this.#checkpoint || firstJob !== this.#firstJob;
    this.#firstJob = firstJob;
    this.#checkpoint = Math.max(this.#checkpoint, checkpoint);
    if (this.#troubleThrough > 0 && this.#checkpoint >= this.#troubleThrough) {
      this.#troubleThrough = 0;
      this.#onNews({ kind: "recovered" });
    }
    if (this.#indexWaiters.length > 0) {
      const waiters = this.#indexWaiters;
      this.#indexWaiters = waiters.filter(({ index }) => index > projected);
      for (const { index, waiting } of waiters) if (index <= projected) waiting.resolve(undefined);
    }
    if (isSynced) for (const listener of this.#listeners) listener(this.#checkpoint);
    this.#askOn();
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#queries.get(id);
    this.#queries.delete(id);
    return waiting;
  }

  #refuseQueries(error: HistoryError): void {
    for (const { reject } of this.#queries.values()) reject(error);
    this.#queries.clear();
  }

  #fail(error: unknown): void {
    const cause = error instanceof Error ? error : new Error(String(error));
    this.#settleOpened.reject(cause);
    if (this.#failure === undefined) {
      this.#failure = new HistoryError(`the history has failed: ${cause.message}`, { cause });
      // Whoever opens it is told otherwise.
      if (this.#isOpened) this.#onNews({ kind: "failed", error: cause });
    }
    this.#refuseQueries(this.#failure);
    for (const { waiting } of this.#indexWaiters.splice(0)) waiting.reject(this.#failure);
    for (const resolve of this.#expiring.splice(0)) resolve();
  }
}

/** An error of the thread's; classes do not cross over. */
function refusalOf(plain: PlainError): Error {
  return plain.name === "HistoryError" ? new HistoryError(plain.message) : fromPlain(plain);
}
