import type {
  Annotation,
  Command,
  CommandKind,
  CommandOf,
  Decision,
  LeaseNo,
  ReplyOf,
  Settings,
  State,
  WorkerNo,
} from "../core/index.js";
import {
  annotate,
  apply,
  beginTerms,
  decide,
  defaultSettings,
  dueCommands,
  newState,
  nextTimers,
  placementRound,
} from "../core/index.js";
import { weigh } from "../journal/entry/index.js";
import type { Journal } from "../journal/journal.js";
import { ENTRY_BYTES_MAX } from "../journal/journal.js";
import { PayloadStore } from "../payloads/payload-store.js";
import { Alarm } from "./alarm.js";
import type { Clock } from "./clock.js";
import { CommitPipeline } from "./commit.js";
import type { EngineOptions } from "./engine-options.js";
import type {
  BlobSpan,
  Engine,
  Moment,
  Result,
  SessionListener,
  Submission,
} from "./engine-port.js";
import { Blobs, DiskFullError, UnavailableError } from "./engine-port.js";
import { JournalClock } from "./journal-clock.js";
import { tell, tellGranted } from "./notices.js";
import type { Replayed } from "./replay.js";
import { replay } from "./replay.js";
import { Sessions } from "./sessions.js";
import { TurnContext } from "./turn-context.js";
import type { Work } from "./work-queue.js";
import { bringsWork, WorkQueue } from "./work-queue.js";

/** An entry that has grown to this is sent off; what comes next goes into another. */
const batchBytesTarget = 256 * 1_024;
/** A grant's share of an entry, at the most. */
const grantBytesMax = 96;
/** An internal command's share of an entry, at the most (a worker lost with all its leases). */
const internalBytesMax = batchBytesTarget;
/** Grants of one turn: enough for any window, few enough for a turn of a few milliseconds. */
const grantsPerTurn = 512;

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
  readonly #onFatal: (error: unknown) => void;
  readonly #queue = new WorkQueue();
  readonly #sessions = new Sessions();
  readonly #listeners = new Set<(index: number) => void>();
  readonly #alarm: Alarm;
  #internal: Command[] = [];
  #accepted: { readonly ok: true; readonly reply: unknown } = { ok: true, reply: undefined };
  #turnIsDue = false;
  #closed = false;
  #failed = false;

  /** Opens the master's state from its journal and takes the right to write. */
  static async open(options: EngineOptions): Promise<MasterEngine> {
    const { journal } = options;
    const state = newState(options.draw());
    const payloads = new PayloadStore({
      budgetBytes: options.payloadBudgetBytes ?? 256 * 1_024 * 1_024,
      readBytes: (index, offset, length) => journal.readBytes(index, offset, length),
    });
    const replayed = await replay(journal, journal.firstIndex, state, payloads);
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
    return new Promise((resolve, reject) => {
      this.#queue.push({ kind: "commands", submissions, results: [], resolve, reject });
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

  /** Takes nothing new, waits for what was decided to be durable, and closes the journal. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const work of this.#queue.drain()) {
      if (work.kind !== "note") work.reject(new UnavailableError("the master is stopping"));
    }
    this.#alarm.stop();
    this.#time.stop();
    await new Promise<void>((resolve) => {
      const settle = () => {
        if (this.#commit.isIdle) resolve();
        else this.#commit.after(() => this.#clock.soon(settle));
      };
      settle();
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

  /** One turn: input first, then what is due by time, then what follows, then placement. */
  #turn(): void {
    if (this.#closed) return;
    // Before anything is decided: what the loop stood still is not counted against anyone.
    this.#time.feel();
    this.#context.begin();
    this.#takeInput();
    // Nobody who renewed could be heard while the journal is blocked: nothing expires meanwhile.
    if (!this.#commit.isBlocked) this.#takeTimers();
    this.#takeInternal();
    this.#takeFollowUps();
    this.#place();
    this.#commit.send();
    // While the journal is blocked nothing expires: the turn after it rings is soon enough.
    if (!this.#commit.isBlocked) this.#alarm.set(nextTimers(this.#state), this.#time);
  }

  #takeInput(): void {
    for (let work = this.#queue.first; work !== undefined; work = this.#queue.first) {
      if (!this.#takeWork(work)) return;
      this.#queue.shift();
    }
  }

  /** @returns false when there is no room for it before the entry in flight is durable */
  #takeWork(work: Work): boolean {
    switch (work.kind) {
      case "note":
        annotate(this.#state, work.annotation, this.#context, this.settings);
        return true;
      case "read":
        this.#commit.after(work.query(this.#state, this.#context));
        return true;
      case "commands": {
        const { submissions, results } = work;
        while (results.length < submissions.length) {
          const { command, blobs } = submissions[results.length] as Submission;
          if (!this.#commit.makeRoom(weigh(command, blobs, this.#state))) return false;
          let decision: Decision<unknown>;
          try {
            decision = decide(this.#state, command, this.#context, this.settings);
          } catch (error) {
            // Deciding only reads: one unlucky command is one failed call, not the end of all.
            work.reject(error);
            return true;
          }
          results.push(this.#carryOut(decision, blobs));
        }
        this.#commit.after(() => {
          work.resolve(results);
        });
        return true;
      }
    }
  }

  #takeTimers(): void {
    this.#internal.push(...dueCommands(this.#state, this.#context, this.settings));
  }

  #takeInternal(): void {
    while (this.#internal.length > 0) {
      if (!this.#commit.makeRoom(internalBytesMax)) return;
      this.#run(this.#internal.shift() as Command);
    }
  }

  /** Stages open, jobs end, sweeps take a step. Each may make more to follow. */
  #takeFollowUps(): void {
    for (const job of this.#state.toAdvance) {
      const command = { kind: "advance_job", job } as const;
      if (!this.#commit.makeRoom(weigh(command, Blobs.none, this.#state))) return;
      this.#state.toAdvance.delete(job);
      this.#run(command);
    }
    for (const job of this.#state.toSweep) {
      if (!this.#commit.makeRoom(grantBytesMax)) return;
      this.#run({ kind: "sweep_job", job });
    }
    // A sweep takes one step a turn, so that a million tasks do not hold up a heartbeat.
    if (this.#state.toSweep.size > 0 || this.#state.toAdvance.size > 0) this.#soon();
  }

  #place(): void {
    const room = ENTRY_BYTES_MAX - this.#commit.bytes;
    const most = Math.min(grantsPerTurn, Math.floor(room / grantBytesMax) - 1);
    if (most <= 0) return;
    const tryPlace = (worker: WorkerNo, reach: 0 | 1 | 2, ahead: boolean): LeaseNo => {
      const command = { kind: "place", worker, reach, ahead } as const;
      const decision = decide<"place">(this.#state, command, this.#context, this.settings);
      this.#carryOut(decision, Blobs.none);
      return decision.ok ? decision.reply : 0;
    };
    const granted = placementRound(this.#state, tryPlace, most);
    if (granted.length === 0) return;
    const note = { kind: "note_granted", leases: granted } as const;
    annotate(this.#state, note, this.#context, this.settings);
    tellGranted(this.#state, granted, this.#commit);
    if (granted.length >= most) this.#soon();
  }

  /** Decides and carries out a command of the engine's own. */
  #run(command: Command): void {
    const decision: Decision<unknown> = decide(this.#state, command, this.#context, this.settings);
    this.#carryOut(decision, Blobs.none);
  }

  /** Applies what was decided, and keeps the answer for when it is durable. */
  #carryOut(decision: Decision<unknown>, blobs: Blobs): Result<unknown> {
    if (!decision.ok) return decision;
    const { events, annotations, notices } = decision;
    if (events.length > 0) {
      const batch = this.#commit.batch(this.#context);
      for (const event of events) {
        apply(this.#state, event, batch.stamp);
        batch.builder.addEvent(event);
      }
      batch.observed?.push(...events);
      if (decision.keepsBlobs) this.#commit.keepBlobs(blobs);
    }
    for (const annotation of annotations) {
      annotate(this.#state, annotation, this.#context, this.settings);
      if (annotation.kind === "begin_session") {
        this.#sessions.bind(annotation.session, annotation.worker);
      }
    }
    for (const notice of notices) tell(this.#state, notice, this.#commit);
    // The answers of most commands are one and the same object, and so are then their results.
    if (this.#accepted.reply !== decision.reply) {
      this.#accepted = { ok: true, reply: decision.reply };
    }
    return this.#accepted;
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
    // Also while closing, or close() would wait for ever for what is not to be made durable.
    this.#failed = this.#closed = true;
    this.#alarm.stop();
    this.#time.stop();
    this.#onFatal(error);
  }
}
