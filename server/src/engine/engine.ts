import type {
  Annotation,
  Command,
  CommandKind,
  CommandOf,
  ReplyOf,
  Settings,
  State,
  WorkerNo,
} from "../core/index.js";
import { beginTerms, defaultSettings, newState, nextTimers } from "../core/index.js";
import type { Journal } from "../journal/journal.js";
import { PayloadStore } from "../payloads/payload-store.js";
import { Alarm } from "./alarm.js";
import type { Clock } from "./clock.js";
import { CommitPipeline } from "./commit.js";
import { coreFunctions } from "./core-functions.js";
import type { EngineOptions } from "./engine-options.js";
import type {
  BlobSpan,
  Engine,
  Moment,
  Result,
  SessionListener,
  Submission,
  SubmissionSource,
} from "./engine-port.js";
import { Blobs, DiskFullError, UnavailableError } from "./engine-port.js";
import { JournalClock } from "./journal-clock.js";
import type { Replayed } from "./replay.js";
import { replay } from "./replay.js";
import { Sessions } from "./sessions.js";
import { TurnContext } from "./turn-context.js";
import { TurnSteps } from "./turn-steps.js";
import { bringsWork, Prepared, WorkQueue } from "./work-queue.js";

/**
 * The single writer with pipelined group commit.
 *
 * Each turn of the event loop decides and applies what has queued, while the entry before is
 * being written; when that one is durable, its answers leave and the next is sent. If anything
 * throws after a decision, memory may be ahead of the disk: the process ends and recovers by
 * replay.
 */
export class MasterEngine implements Engine {
  readonly settings: Settings;
  readonly replayed: Replayed;
  readonly startedWall: number;
  readonly epoch: number;
  readonly #state: State;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #time: JournalClock;
  readonly #payloads: PayloadStore;
  readonly #commit: CommitPipeline;
  readonly #context: TurnContext;
  readonly #steps: TurnSteps;
  readonly #onFatal: (error: unknown) => void;
  readonly #queue = new WorkQueue();
  readonly #sessions = new Sessions();
  readonly #listeners = new Set<(index: number) => void>();
  readonly #alarm: Alarm;
  #turnIsDue = false;
  #closed = false;
  #failed = false;
  #giveUpClosing: ((error: unknown) => void) | undefined;

  /** Opens the master's state from its journal and takes the right to write. */
  static async open(options: EngineOptions): Promise<MasterEngine> {
    const { journal } = options;
    const state = newState(options.draw());
    const payloads = new PayloadStore({
      budgetBytes: options.payloadBudgetBytes ?? 256 * 1_024 * 1_024,
      readBytes:
        options.readBytes ?? ((index, offset, length) => journal.readBytes(index, offset, length)),
    });
    const base = await options.load?.({ state, payloads });
    // What neither a snapshot stands for nor the journal has is DATA_LOSS.
    const [first, last] = [(base?.index ?? 0) + 1, journal.lastIndex];
    const tell = (at: number) => options.onReplay?.(at, first, last);
    tell(first - 1);
    const replayed = await replay(journal, first, state, payloads, base, tell);
    const { epoch } = await journal.claim();
    return new MasterEngine(options, state, payloads, replayed, epoch);
  }

  private constructor(
    options: EngineOptions,
    state: State,
    payloads: PayloadStore,
    replayed: Replayed,
    epoch: number,
  ) {
    this.settings = { ...defaultSettings, ...options.settings };
    this.replayed = replayed;
    this.epoch = epoch;
    this.#state = state;
    this.#journal = options.journal;
    this.#clock = options.clock;
    this.#payloads = payloads;
    this.#onFatal = options.onFatal;
    this.#time = new JournalClock(options.clock, replayed.lastNow);
    this.#commit = new CommitPipeline({
      journal: options.journal,
      clock: options.clock,
      time: this.#time,
      payloads,
      sessions: this.#sessions,
      nextBlob: replayed.nextBlob,
      observer: options.observer,
      observes: options.observes,
      onDurable: () => {
        for (const listener of this.#listeners) listener(this.#journal.lastIndex);
        this.#soon();
      },
      onFailure: (error) => {
        this.#fail(error);
      },
    });
    this.startedWall = this.#time.wall;
    const { draw } = options;
    this.#context = new TurnContext({ draw, epoch, time: this.#time, commit: this.#commit });
    this.#steps = new TurnSteps({
      clock: options.clock,
      state,
      queue: this.#queue,
      commit: this.#commit,
      sessions: this.#sessions,
      context: this.#context,
      settings: this.settings,
      core: options.core ?? coreFunctions,
    });
    this.#alarm = new Alarm(options.clock, () => {
      this.#soon();
    });
    beginTerms(state, this.#context, this.settings);
    this.#soon();
  }

  get durableIndex(): number {
    return this.#journal.lastIndex;
  }

  async submit<K extends CommandKind>(
    command: CommandOf<K> & Command,
    blobs: Blobs = Blobs.none,
  ): Promise<Result<ReplyOf<K>>> {
    const [result] = await this.submitMany([{ command, blobs }]);
    return result as Result<ReplyOf<K>>;
  }

  submitMany(submissions: readonly Submission[]): Promise<readonly Result<unknown>[]> {
    if (this.#closed) return Promise.reject(new UnavailableError("the master is stopping"));
    if (this.#commit.isDiskFull && submissions.some(({ command }) => bringsWork(command))) {
      return Promise.reject(new DiskFullError("the journal's disk is full"));
    }
    return this.#enqueue(new Prepared(submissions));
  }

  submitFrom(source: SubmissionSource): Promise<readonly Result<unknown>[]> {
    if (this.#closed) return Promise.reject(new UnavailableError("the master is stopping"));
    if (this.#commit.isDiskFull) {
      return Promise.reject(new DiskFullError("the journal's disk is full"));
    }
    return this.#enqueue(source);
  }

  #enqueue(source: SubmissionSource): Promise<readonly Result<unknown>[]> {
    return new Promise((resolve, reject) => {
      const results: Result<unknown>[] = [];
      this.#queue.push({ kind: "commands", source, waiting: undefined, results, resolve, reject });
      this.#soon();
    });
  }

  note(annotation: Annotation): void {
    if (this.#closed) return;
    this.#queue.push({ kind: "note", annotation });
    this.#soon();
  }

  read<T>(query: (state: State, moment: Moment) => T): Promise<T> {
    if (this.#closed) return Promise.reject(new UnavailableError("the master is stopping"));
    return new Promise((resolve, reject) => {
      const run = (state: State, moment: Moment) => {
        try {
          const answer = query(state, moment);
          return () => {
            resolve(answer);
          };
        } catch (error) {
          return () => {
            reject(error instanceof Error ? error : new Error(String(error)));
          };
        }
      };
      this.#queue.push({ kind: "read", query: run, reject });
      this.#soon();
    });
  }

  hasPayload(blob: number): boolean {
    return this.#payloads.has(blob);
  }

  payload(blob: number): Uint8Array | Promise<Uint8Array> {
    return this.#payloads.get(blob);
  }

  findPayload(blob: number): BlobSpan | undefined {
    return this.#payloads.find(blob);
  }

  /** What the payload store holds, for metrics and for those who ask how the master is. */
  get payloadStats() {
    return this.#payloads.stats();
  }

  attach(session: number, listener: SessionListener): void {
    this.#sessions.attach(session, listener);
  }

  detach(session: number): void {
    this.#sessions.detach(session);
  }

  workerOf(session: number): WorkerNo | undefined {
    return this.#sessions.workerOf(session);
  }

  onDurable(listener: (index: number) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * Takes nothing new, waits for what was decided to be durable, and closes the journal. What a full disk has no room
   * for was told to nobody, and is given up.
   *
   * @throws what the journal failed with, if it did before all was durable
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const work of this.#queue.drain()) {
      if (work.kind !== "note") work.reject(new UnavailableError("the master is stopping"));
    }
    this.#alarm.stop();
    this.#time.stop();
    await new Promise<void>((resolve, reject) => {
      this.#giveUpClosing = reject;
      void this.#commit.close().then(resolve);
    });
    await this.#journal.close();
  }

  #soon(): void {
    if (this.#turnIsDue) return;
    this.#turnIsDue = true;
    this.#clock.soon(() => {
      this.#turnIsDue = false;
      this.#guard(() => {
        this.#turn();
      });
    });
  }

  #turn(): void {
    if (this.#closed) return;
    // Before anything is decided: what the loop stood still is not counted against anyone.
    this.#time.feel();
    this.#context.begin();
    if (this.#steps.take()) this.#soon();
    this.#commit.send();
    // While the journal is blocked nothing expires, and while something waits to be heard only what was due before
    // that: the turn after it is soon enough.
    if (this.#commit.isBlocked || this.#queue.first !== undefined) return;
    this.#alarm.set(nextTimers(this.#state, this.settings), this.#time);
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = this.#closed = true;
    // Or it would wait for ever for what is not to be made durable.
    this.#giveUpClosing?.(error);
    this.#alarm.stop();
    this.#time.stop();
    this.#onFatal(error);
  }
}
