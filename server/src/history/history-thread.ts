/**
 * The history's thread: everything that is done to its database is done here, one thing after the
 * other. Started by {@link openHistory}.
 */
import { parentPort, workerData } from "node:worker_threads";
import { nodeStorage } from "../journal/file/node-storage.js";
import { segmentsIn } from "../journal/file/segment-list.js";
import { SegmentFollower } from "../journal/file/segment-follower.js";
import { toPlain } from "../journal/file/thread-protocol.js";
import { messageOf } from "../journal/journal-error.js";
import { inMemory, moveAside, type SetAside } from "./database.js";
import { HistoryError } from "./history.js";
import { openStore, type OpenedStore } from "./open-store.js";
import { isDamage, isPassing } from "./sqlite.js";
import type { Entry, HistoryStore } from "./store.js";
import type { ThreadData, ThreadReply, ThreadRequest } from "./thread-protocol.js";

/** Entries taken in before a transaction is committed, at the most. Bytes of them. */
const transactionBytesMax = 16 * 1024 * 1024;
/** When what could not be written is tried again. */
const retryMs = 1_000;

const data = workerData as ThreadData;
const port = parentPort;
if (port === null) throw new Error("the history's thread is not a program of its own");

/** Projects what the journal has, answers questions between two steps of that, removes what is old. */
class HistoryLoop {
  #store: HistoryStore | undefined;
  #follower: SegmentFollower | undefined;
  readonly #fed: Entry[] = [];
  #through = 0;
  #committedAt = performance.now();
  #isScheduled = false;
  #commitTimer: NodeJS.Timeout | undefined;
  #expireWall: number | undefined;
  #wasBuiltAnew = false;
  /** What is known of the journal: as the history was opened, and then as far as it has come. */
  #journal = data.journal;
  #reopenTimer: NodeJS.Timeout | undefined;

  /** @throws JournalError when there can be no history */
  open(): void {
    try {
      this.#take(this.#openStore());
    } catch (error) {
      if (!isPassing(error) || data.source.kind === "fed") throw error;
      this.#pause(error);
    }
  }

  handle(request: ThreadRequest): void {
    switch (request.kind) {
      case "follow":
        this.#through = Math.max(this.#through, request.through);
        for (const entry of request.entries) this.#fed.push(entry);
        return this.#soon();
      case "expire":
        this.#expireWall = request.wall;
        return this.#soon();
      case "query":
        return this.#answer(request);
      case "close":
        return this.#close();
    }
  }

  /** The journal may have been cut since the history was opened last. */
  #openStore(): OpenedStore {
    const { source } = data;
    const [first] = source.kind === "file" ? segmentsIn(nodeStorage(), source.directory) : [];
    const firstIndex = first ?? this.#journal.firstIndex;
    return openStore({ ...data, journal: { ...this.#journal, firstIndex } });
  }

  #take({ store, setAside, lostBelow }: OpenedStore): void {
    this.#store = store;
    const { projected, checkpoint, firstJob } = store;
    const { source, journal } = data;
    if (source.kind === "file") {
      this.#follower?.close();
      const from = store.projected + 1;
      this.#follower = new SegmentFollower(nodeStorage(), source.directory, journal.id, from);
    }
    send({ kind: "opened", projected, checkpoint, firstJob, setAside, lostBelow });
  }

  #soon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // Questions that have come meanwhile go first.
    setImmediate(() => {
      this.#isScheduled = false;
      this.#guard(() => {
        this.#step();
      });
    });
  }

  #step(): void {
    const store = this.#store;
    if (store === undefined) return;
    const entries = this.#next(store);
    for (const entry of entries) store.project(entry);
    const isBehind = store.projected < this.#through;
    const sinceMs = performance.now() - this.#committedAt;
    const isDue = sinceMs >= data.syncIntervalMs || store.pendingBytes >= transactionBytesMax;
    const commits = !store.isCommitted && isDue;
    if (commits) this.#commit(store);
    if (entries.length > 0) this.#tell(store);
    // Also under a load that never ends: a step for each commit.
    if (isBehind && commits && this.#expireWall !== undefined) store.expireSome(this.#expireWall);
    if (isBehind) return this.#soon();
    if (this.#expireWall !== undefined) {
      if (store.expireSome(this.#expireWall)) return this.#soon();
      this.#expireWall = undefined;
      send({ kind: "expired" });
    }
    if (store.isCommitted) return;
    this.#commitTimer ??= setTimeout(
      () => {
        this.#commitTimer = undefined;
        this.#soon();
      },
      Math.max(0, data.syncIntervalMs - sinceMs),
    );
  }

  #next(store: HistoryStore): readonly Entry[] {
    if (this.#follower !== undefined) return this.#follower.read(this.#through);
    return this.#fed.splice(0).filter(({ index }) => index > store.projected);
  }

  #commit(store: HistoryStore): void {
    store.commit();
    this.#committedAt = performance.now();
    this.#tell(store);
  }

  #tell({ projected, checkpoint, firstJob }: HistoryStore): void {
    send({ kind: "progress", projected, checkpoint, firstJob });
  }

  #answer({ id, name, args }: Extract<ThreadRequest, { kind: "query" }>): void {
    try {
      const store = this.#store;
      if (store === undefined) throw new HistoryError("the history cannot be written just now");
      const ask = store[name].bind(store) as (...args: readonly unknown[]) => unknown;
      send({ kind: "answer", id, value: ask(...args) });
    } catch (error) {
      // Of damage, what follows answers: all that was asked is refused, this too.
      if (isDamage(error)) this.#recover(error);
      else send({ kind: "refused", id, error: toPlain(error) });
    }
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#recover(error);
    }
  }

  /** What is fed is not to be had again, and in memory nothing passes. */
  #recover(error: unknown): void {
    if (data.source.kind === "fed") this.#end(error);
    else if (isPassing(error)) this.#pause(error);
    else if (isDamage(error) && !this.#wasBuiltAnew) this.#buildAnew(error);
    else this.#end(error);
  }

  /** A full disk, for one: what was not committed is taken in again, once there is room. */
  #pause(error: unknown): void {
    send({ kind: "trouble", error: toPlain(error) });
    this.#shut();
    this.#reopenTimer = setTimeout(() => {
      this.#reopen();
    }, retryMs);
  }

  /** Once: what goes bad again, or is read wrong, would be moved aside for ever. */
  #buildAnew(error: unknown): void {
    this.#wasBuiltAnew = true;
    this.#shut();
    const setAside = asideAfter(error);
    this.#guard(() => {
      this.#take({ ...this.#openStore(), setAside });
      this.#soon();
    });
  }

  #reopen(): void {
    try {
      this.#take(this.#openStore());
      this.#soon();
    } catch (error) {
      // It could be opened before, or nearly: whatever it is may pass.
      this.#pause(error);
    }
  }

  #end(error: unknown): void {
    this.#shut();
    const setAside = isDamage(error) ? asideAfter(error) : undefined;
    send({ kind: "failed", error: toPlain(error), setAside });
    clearTimeout(this.#commitTimer);
    port?.close();
  }

  #close(): void {
    clearTimeout(this.#commitTimer);
    clearTimeout(this.#reopenTimer);
    try {
      this.#store?.commit();
    } catch {
      // It comes back from the journal.
    }
    this.#shut();
    send({ kind: "closed" });
    port?.close();
  }

  #shut(): void {
    this.#follower?.close();
    if (this.#store !== undefined) {
      const { projected: lastIndex, nextStage } = this.#store;
      this.#journal = { ...this.#journal, lastIndex, nextStage };
    }
    try {
      this.#store?.close();
    } catch {
      // A database that is damaged may refuse that too.
    }
    this.#store = undefined;
  }
}

function asideAfter(error: unknown): SetAside | undefined {
  return data.path === inMemory ? undefined : moveAside(data.path, messageOf(error));
}

function send(reply: ThreadReply): void {
  port?.postMessage(reply);
}

const loop = new HistoryLoop();
try {
  loop.open();
  port.on("message", (request: ThreadRequest) => {
    loop.handle(request);
  });
} catch (error) {
  send({ kind: "failed", error: toPlain(error), setAside: undefined });
  port.close();
}
