import type { Command, Decision, LeaseNo, Settings, State, WorkerNo } from "../core/index.js";
import { placementRound } from "../core/index.js";
import { weigh } from "../journal/entry/index.js";
import { ENTRY_BYTES_MAX } from "../journal/journal.js";
import type { Clock } from "./clock.js";
import type { CommitPipeline } from "./commit.js";
import type { CoreFunctions } from "./core-functions.js";
import type { Result, Submission } from "./engine-port.js";
import { Blobs } from "./engine-port.js";
import { Heard } from "./heard.js";
import { tell, tellGranted } from "./notices.js";
import type { Sessions } from "./sessions.js";
import type { TurnContext } from "./turn-context.js";
import type { Work, WorkOf, WorkQueue } from "./work-queue.js";

/** An internal command's share of an entry, at the most (a worker lost with all its leases). */
const internalBytesMax = 256 * 1_024;
/** A grant's share of an entry, at the most. */
const grantBytesMax = 96;
/**
 * How long a turn takes input, and as long what is due, and as long what follows; milliseconds. The rest is for the next:
 * meanwhile the loop hears whoever has something to say.
 */
const stepMs = 5;
/** Grants of one turn: enough for any window, few enough for a turn of a few milliseconds. */
const grantsPerTurn = 512;

/** What a turn works on and with. */
export interface TurnParts {
  readonly clock: Clock;
  readonly state: State;
  readonly queue: WorkQueue;
  readonly commit: CommitPipeline;
  readonly sessions: Sessions;
  readonly context: TurnContext;
  readonly settings: Settings;
  readonly core: CoreFunctions;
}

/**
 * What a turn of the engine decides and applies: input first, then what is due by time, then what
 * follows, then placement.
 */
export class TurnSteps {
  readonly #clock: Clock;
  readonly #state: State;
  readonly #queue: WorkQueue;
  readonly #heard: Heard;
  readonly #commit: CommitPipeline;
  readonly #sessions: Sessions;
  readonly #context: TurnContext;
  readonly #settings: Settings;
  readonly #core: CoreFunctions;
  #internal: Command[] = [];
  #accepted: { readonly ok: true; readonly reply: unknown } = { ok: true, reply: undefined };
  #isMoreDue = false;
  /** When the step that is taken has taken its time. */
  #stepEndsAt = 0;

  constructor({ clock, state, queue, commit, sessions, context, settings, core }: TurnParts) {
    this.#clock = clock;
    this.#state = state;
    this.#queue = queue;
    this.#heard = new Heard(queue);
    this.#commit = commit;
    this.#sessions = sessions;
    this.#context = context;
    this.#settings = settings;
    this.#core = core;
  }

  /** Takes all steps of one turn. @returns whether another turn is due at once */
  take(): boolean {
    this.#isMoreDue = false;
    this.#takeInput();
    this.#heard.note(this.#context.termNow);
    // Nobody who renewed could be heard while the journal is blocked: nothing expires meanwhile.
    if (!this.#commit.isBlocked) this.#takeTimers();
    this.#takeInternal();
    this.#takeFollowUps();
    if (!this.#isAmidst()) this.#place();
    return this.#isMoreDue;
  }

  /**
   * Is a part of what came as one decided, and not the rest? Its answer is made when all of it is: what a worker has
   * ended gives room, and what it is given for that may not come to it before the answer.
   */
  #isAmidst(): boolean {
    const work = this.#queue.first;
    return work?.kind === "commands" && work.results.length > 0;
  }

  #beginStep(): void {
    this.#stepEndsAt = this.#clock.monotonicMs() + stepMs;
  }

  /** Has the step taken its time? The rest of it is due in the next turn then. */
  #isOver(): boolean {
    if (this.#clock.monotonicMs() < this.#stepEndsAt) return false;
    this.#isMoreDue = true;
    return true;
  }

  #takeInput(): void {
    this.#beginStep();
    for (let work = this.#queue.first; work !== undefined; work = this.#queue.first) {
      if (this.#isOver() || !this.#takeWork(work)) return;
      this.#queue.shift();
    }
  }

  /** @returns false when there is no time for it, or no room before the entry in flight is durable */
  #takeWork(work: Work): boolean {
    switch (work.kind) {
      case "note":
        this.#core.annotate(this.#state, work.annotation, this.#context, this.#settings);
        return true;
      case "read":
        this.#commit.after(work.query(this.#state, this.#context), work);
        return true;
      case "commands":
        return this.#takeCommands(work);
    }
  }

  /** @returns false when there is no time or no room for the next of them */
  #takeCommands(work: WorkOf<"commands">): boolean {
    const { source, results } = work;
    for (;;) {
      if (this.#isOver()) return false;
      let submission: Submission | undefined;
      let decision: Decision<unknown>;
      try {
        submission = work.waiting ?? source.next();
        if (submission === undefined) break;
        if (!this.#hasRoomFor(submission)) {
          work.waiting = submission;
          return false;
        }
        decision = this.#core.decide(
          this.#state,
          submission.command,
          this.#context,
          this.#settings,
        );
      } catch (error) {
        // Making and deciding only read: one unlucky command is one failed call, not the end of all.
        work.reject(error);
        return true;
      }
      work.waiting = undefined;
      results.push(this.#carryOut(decision, submission.blobs));
    }
    this.#commit.after(() => {
      work.resolve(results);
    }, work);
    return true;
  }

  #hasRoomFor({ command, blobs }: Submission): boolean {
    return this.#commit.makeRoom(weigh(command, blobs, this.#state));
  }

  #takeTimers(): void {
    // What the turn before had no room or no time for comes first.
    if (this.#internal.length > 0) return;
    // Whoever renewed in time may be in what was left to the next turn.
    const heard = this.#context.asOf(this.#heard.through);
    for (const command of this.#core.dueCommands(this.#state, heard, this.#settings)) {
      this.#internal.push(command);
    }
  }

  #takeInternal(): void {
    if (this.#internal.length === 0) return;
    this.#beginStep();
    let taken = 0;
    for (const command of this.#internal) {
      if (this.#isOver() || !this.#commit.makeRoom(internalBytesMax)) break;
      this.#run(command);
      taken += 1;
    }
    this.#internal = this.#internal.slice(taken);
  }

  /** Stages open, jobs end, sweeps take a step. Each may make more to follow. */
  #takeFollowUps(): void {
    // Only where something follows, which is rare: a look at the clock takes as long as a small command.
    const { toSweep, toLeave, toAdvance } = this.#state;
    if (toSweep.size + toLeave.size + toAdvance.size === 0) return;
    this.#beginStep();
    for (const job of toAdvance) {
      if (this.#isOver()) break;
      const command = { kind: "advance_job", job } as const;
      if (!this.#commit.makeRoom(weigh(command, Blobs.none, this.#state))) return;
      toAdvance.delete(job);
      this.#run(command);
    }
    this.#beginStep();
    for (const job of toSweep) {
      if (this.#isOver() || !this.#commit.makeRoom(grantBytesMax)) return;
      this.#run({ kind: "sweep_job", job });
    }
    // Before there is room again nothing follows, and then a turn comes anyway.
    if (this.#internal.length > 0) return;
    // A sweep takes one step a turn, so that a million tasks do not hold up a heartbeat.
    if (toSweep.size + toLeave.size + toAdvance.size > 0) this.#isMoreDue = true;
  }

  #place(): void {
    const room = ENTRY_BYTES_MAX - this.#commit.bytes;
    const most = Math.min(grantsPerTurn, Math.floor(room / grantBytesMax) - 1);
    if (most <= 0) return;
    const tryPlace = (worker: WorkerNo, reach: 0 | 1 | 2, ahead: boolean): LeaseNo => {
      const command = { kind: "place", worker, reach, ahead } as const;
      const decision = this.#core.decide<"place">(
        this.#state,
        command,
        this.#context,
        this.#settings,
      );
      this.#carryOut(decision, Blobs.none);
      return decision.ok ? decision.reply : 0;
    };
    this.#beginStep();
    const granted = placementRound(this.#state, tryPlace, most, () => this.#isOver());
    if (granted.length === 0) return;
    const note = { kind: "note_granted", leases: granted } as const;
    this.#core.annotate(this.#state, note, this.#context, this.#settings);
    tellGranted(this.#state, granted, this.#commit);
    if (granted.length >= most) this.#isMoreDue = true;
  }

  /** Decides and carries out a command of the engine's own. */
  #run(command: Command): void {
    const decision: Decision<unknown> = this.#core.decide(
      this.#state,
      command,
      this.#context,
      this.#settings,
    );
    this.#carryOut(decision, Blobs.none);
  }

  /** Applies what was decided, and keeps the answer for when it is durable. */
  #carryOut(decision: Decision<unknown>, blobs: Blobs): Result<unknown> {
    if (!decision.ok) return decision;
    const { events, annotations, notices } = decision;
    if (events.length > 0) {
      const batch = this.#commit.batch(this.#context);
      for (const event of events) {
        this.#core.apply(this.#state, event, batch.stamp);
        batch.builder.addEvent(event);
      }
      batch.observe(events);
      // One by one: thousands of tasks leave at once, each with as many outputs, and a call takes so many arguments.
      for (const blob of this.#state.takeFreed()) batch.freedBlobs.push(blob);
      if (decision.keepsBlobs) this.#commit.keepBlobs(blobs);
    }
    for (const annotation of annotations) {
      this.#core.annotate(this.#state, annotation, this.#context, this.#settings);
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
}
