import type { Lease } from "./lease.js";
import {
  emptyCompletedBytes,
  entryOf,
  maxFrameBytes,
  progressEntry,
  writeCompleted,
  type Entry,
} from "./frames.js";
import { viewOf } from "./token.js";

/** Where frames go: a session. */
export interface FrameSink {
  /** @returns whether more may follow at once; otherwise `Outbox.resume` is called when it may */
  write(frame: Buffer): boolean;
}

/** How often progress is sent at most. Milliseconds. */
const progressEveryMs = 250;

/** How many tokens one Started carries at most. */
const maxStarted = 4_096;

/**
 * What is to be said, batched: everything of one turn of the event loop goes in as few frames as it fits
 * in. Without a session nothing is kept here: what must not be lost is kept with its lease, and said again.
 */
export class Outbox {
  #sink: FrameSink | undefined;
  /** What is to be said; of a lease, that it ended well and put out nothing. */
  #entries: (Entry | Lease)[] = [];
  #isBlocked = false;
  #isScheduled = false;
  #started: Lease[] = [];
  readonly #telling = new Set<Lease>();
  #progressTimer: NodeJS.Timeout | undefined;
  #progressAt = -Infinity;

  /** Whether a session stands. */
  get isOpen(): boolean {
    return this.#sink !== undefined;
  }

  /** Whether the link takes no more for now. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** A session stands. */
  open(sink: FrameSink): void {
    this.#sink = sink;
    this.#isBlocked = false;
    if (this.#telling.size > 0) this.#schedule();
  }

  /** It has ended. */
  close(): void {
    this.#sink = undefined;
    this.#entries = [];
    this.#started = [];
    clearTimeout(this.#progressTimer);
    this.#progressTimer = undefined;
  }

  /** The link takes more again. */
  resume(): void {
    this.#isBlocked = false;
    this.flush();
  }

  /** Says something at the end of this turn; of a lease, that it ended well and put out nothing. */
  push(entry: Entry | Lease): void {
    if (this.#sink === undefined) return;
    this.#entries.push(entry);
    this.#schedule();
  }

  /** A handler starts; said at the end of this turn, unless it has ended by then: the report implies it. */
  started(lease: Lease): void {
    if (this.#sink === undefined) return;
    this.#started.push(lease);
    this.#schedule();
  }

  /** A handler tells something: sent soon, the newest alone. A checkpoint (`urgent`) goes this turn. */
  tell(lease: Lease, urgent: boolean): void {
    this.#telling.add(lease);
    if (this.#sink === undefined) return;
    const dueInMs = this.#progressAt + progressEveryMs - performance.now();
    if (urgent || dueInMs <= 0) {
      this.#progressAt = -Infinity;
      this.#schedule();
    } else {
      this.#progressTimer ??= setTimeout(() => {
        this.#progressTimer = undefined;
        this.#schedule();
      }, dueInMs);
    }
  }

  /** The lease's report is on its way: what else it told does not matter any more. */
  forget(lease: Lease): void {
    if (this.#telling.size > 0) this.#telling.delete(lease);
  }

  /** Sends what there is, now. */
  flush(): void {
    if (this.#sink === undefined || this.#isBlocked) return;
    this.#addStarted();
    this.#addProgress();
    while (this.#entries.length > 0 && !this.#isBlocked) {
      const frame = this.#nextFrame();
      this.#isBlocked = !this.#sink.write(frame);
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#run);
  }

  readonly #run = (): void => {
    this.#isScheduled = false;
    this.flush();
  };

  /** As many entries as one frame takes. */
  #nextFrame(): Buffer {
    let bytes = 0;
    let count = 0;
    for (const entry of this.#entries) {
      const more = sizeOf(entry);
      if (count > 0 && bytes + more > maxFrameBytes) break;
      bytes += more;
      count += 1;
    }
    const all = count === this.#entries.length;
    const entries = all ? this.#entries : this.#entries.slice(0, count);
    this.#entries = all ? [] : this.#entries.slice(count);
    return join(entries, bytes);
  }

  #addStarted(): void {
    if (this.#started.length === 0) return;
    const tokens: Buffer[] = [];
    for (const lease of this.#started) {
      if (lease.state !== "running") continue;
      lease.startedSent = true;
      tokens.push(lease.token);
    }
    this.#started = [];
    for (let at = 0; at < tokens.length; at += maxStarted) {
      const some = tokens.slice(at, at + maxStarted);
      this.#entries.push(entryOf({ $case: "started", value: { tokens: some } }));
    }
  }

  #addProgress(): void {
    if (this.#telling.size === 0) return;
    const now = performance.now();
    if (now - this.#progressAt < progressEveryMs) return;
    this.#progressAt = now;
    for (const lease of this.#telling) {
      const { told } = lease;
      if (told === undefined || lease.state !== "running") continue;
      const checkpoint = told.checkpointSent ? undefined : told.checkpoint;
      told.checkpointSent = told.checkpoint !== undefined;
      this.#entries.push(progressEntry(lease.token, { ...told, checkpoint }));
    }
    this.#telling.clear();
  }
}

function sizeOf(entry: Entry | Lease): number {
  return entry instanceof Uint8Array ? entry.byteLength : emptyCompletedBytes;
}

function join(entries: readonly (Entry | Lease)[], bytes: number): Buffer {
  const frame = Buffer.allocUnsafe(bytes);
  const view = viewOf(frame);
  let at = 0;
  for (const entry of entries) {
    if (entry instanceof Uint8Array) {
      frame.set(entry, at);
      at += entry.byteLength;
    } else {
      writeCompleted(entry.task, view, at);
      at += emptyCompletedBytes;
    }
  }
  return frame;
}
