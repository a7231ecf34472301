import type { EventType, Stamp } from "../core/index.js";
import { assert } from "../core/index.js";
import { EntryBuilder } from "../journal/entry/index.js";
import type { Journal } from "../journal/journal.js";
import { ENTRY_BYTES_MAX } from "../journal/journal.js";
import type { PayloadStore } from "../payloads/payload-store.js";
import { Batch, type Waiting } from "./batch.js";
import type { Clock } from "./clock.js";
import {
  type Blobs,
  DiskFullError,
  type EventObserver,
  type SessionNotice,
} from "./engine-port.js";
import type { JournalClock } from "./journal-clock.js";
import { stallMinMs } from "./journal-clock.js";
import type { Sessions } from "./sessions.js";
import { Notices } from "./sessions.js";

/** How long to wait before a full disk is tried again. */
const diskFullRetryMs = 250;

export interface CommitOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly time: JournalClock;
  readonly payloads: PayloadStore;
  readonly sessions: Sessions;
  readonly nextBlob: number;
  /** Is told of events once they are durable. */
  readonly observer: EventObserver | undefined;
  readonly observes: ReadonlySet<EventType> | undefined;
  /** After an entry became durable and its answers have left. */
  readonly onDurable: () => void;
  /** The outcome of an append is unknown, or an answer could not be given: the process must end. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Group commit with one entry in flight and one in the making. Whatever is to leave the master
 * waits here for the entry that it depends on, in the order in which it was made.
 */
export class CommitPipeline {
  readonly #options: CommitOptions;
  #builder: EntryBuilder | undefined;
  #building: Batch | undefined;
  #inFlight: Batch | undefined;
  #inFlightSince = 0;
  #nextBlob: number;
  #isDiskFull = false;
  /** Between two tries of an entry that a full disk had no room for: none of it is there, for certain. */
  #waitsForRoom = false;
  /** Set once it closes: to be told that nothing is under way any more. */
  #onClosed: (() => void) | undefined;

  constructor(options: CommitOptions) {
    this.#options = options;
    this.#nextBlob = options.nextBlob;
  }

  /** The id of the next blob that is kept. */
  get nextBlob(): number {
    return this.#nextBlob;
  }

  get isDiskFull(): boolean {
    return this.#isDiskFull;
  }

  get isIdle(): boolean {
    return this.#building === undefined && this.#inFlight === undefined;
  }

  /** The stamp of the entry in the making: all its events share it. */
  get stamp(): Stamp | undefined {
    return this.#building?.stamp;
  }

  /** Bytes in the entry in the making. */
  get bytes(): number {
    return this.#building?.builder.bytes ?? 0;
  }

  /** Has the journal kept an entry for so long that nobody could be heard in time? */
  get isBlocked(): boolean {
    if (this.#inFlight === undefined) return false;
    return this.#options.clock.monotonicMs() - this.#inFlightSince > stallMinMs;
  }

  /** The entry in the making, begun if there is none. */
  batch(stamp: Stamp): Batch {
    if (this.#building === undefined) {
      const { now, wall } = stamp;
      const { observer, observes } = this.#options;
      const wanted = observer === undefined ? "none" : (observes ?? "all");
      this.#building = new Batch({ now, wall }, this.#builderOf(stamp), wanted);
    }
    return this.#building;
  }

  /** One is enough: what it holds is copied out before another entry begins. */
  #builderOf(stamp: Stamp): EntryBuilder {
    if (this.#builder === undefined) this.#builder = new EntryBuilder(stamp, this.#nextBlob);
    else this.#builder.begin(stamp, this.#nextBlob);
    return this.#builder;
  }

  keepBlobs(blobs: Blobs): void {
    const batch = this.#building;
    assert(batch !== undefined, "blobs without an event");
    batch.builder.addBlobs(blobs);
    this.#nextBlob += blobs.count;
  }

  /** Calls back when all that is applied so far is durable; at once if it is. @param waiting who waits for that */
  after(release: () => void, waiting: Waiting): void {
    const batch = this.#building ?? this.#inFlight;
    if (batch === undefined) release();
    else batch.after(release, waiting);
  }

  /** Tells a session something, once it is durable. */
  notify(session: number, notice: SessionNotice): void {
    const batch = this.#building ?? this.#inFlight;
    if (batch === undefined) this.#options.sessions.notify(new Notices([[session, notice]]));
    else batch.notices.add(session, notice);
  }

  /** Room for so many bytes in the entry in the making; sends it off if there is none. */
  makeRoom(bytes: number): boolean {
    if (this.bytes === 0 || this.bytes + bytes <= ENTRY_BYTES_MAX) return true;
    this.send();
    return this.#building === undefined;
  }

  /** Sends the entry in the making on its way, unless one is under way already. */
  send(): void {
    const batch = this.#building;
    if (batch === undefined || this.#inFlight !== undefined) return;
    this.#building = undefined;
    this.#inFlight = batch;
    this.#append(batch).then(
      () => {
        this.#finish(batch);
      },
      (error: unknown) => {
        this.#options.onFailure(error);
      },
    );
  }

  /**
   * Waits until all that was decided is durable. Where the disk has no room it waits for nothing: what is not written
   * was told to nobody, who waits for it is refused, and it is not tried again. A try that is under way is waited for:
   * there may be room by now, and what is durable is not refused.
   */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#onClosed = resolve;
      this.#closeIfAtRest();
    });
  }

  #closeIfAtRest(): void {
    if (this.#onClosed === undefined) return;
    if (this.#waitsForRoom) {
      const error = new DiskFullError("the journal's disk is full, and the master is stopping");
      for (const batch of [this.#inFlight, this.#building]) batch?.giveUp(error);
    }
    if (this.isIdle || this.#waitsForRoom) this.#onClosed();
  }

  #finish(batch: Batch): void {
    this.#inFlight = undefined;
    try {
      // What was decided meanwhile goes to the disk first: answers are made while it is written.
      this.send();
      batch.release();
      this.#options.sessions.notify(batch.notices);
      if (batch.observed.length > 0) this.#options.observer?.(batch.observed, batch.stamp);
      this.#options.onDurable();
      this.#closeIfAtRest();
    } catch (error) {
      this.#options.onFailure(error);
    }
  }

  async #append(batch: Batch): Promise<void> {
    const { journal, clock, payloads, time } = this.#options;
    const index = journal.lastIndex + 1;
    const { body, sectionOffset, section, lengths } = batch.builder.finish();
    const firstBlob = batch.builder.nextBlob - lengths.length;
    payloads.add(index, sectionOffset, firstBlob, lengths, section);
    this.#inFlightSince = clock.monotonicMs();
    const stalledBefore = time.stalledMs;
    let outcome = await journal.append(body);
    while (outcome.kind === "not_written") {
      this.#isDiskFull = this.#waitsForRoom = true;
      this.#closeIfAtRest();
      await new Promise<void>((resolve) => clock.setTimer(diskFullRetryMs, resolve));
      // Nobody waits for it any more, and the journal is closed.
      if (this.#onClosed !== undefined) return new Promise(() => undefined);
      this.#waitsForRoom = false;
      outcome = await journal.append(outcome.body);
    }
    this.#isDiskFull = false;
    assert(outcome.index === index, `entry ${index} became ${outcome.index}`);
    payloads.markDurable(index);
    for (const blob of batch.freedBlobs) payloads.release(blob);
    // Nobody could be answered meanwhile: no term may run out because of the disk.
    time.addStall(clock.monotonicMs() - this.#inFlightSince, stalledBefore);
  }
}
