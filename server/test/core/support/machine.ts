import assert from "node:assert/strict";
import type {
  Annotation,
  Command,
  CommandKind,
  Context,
  CoreEvent,
  Decision,
  LeaseNo,
  Notice,
  Stamp,
  State,
} from "../../../src/core/index.js";
import {
  annotate,
  apply,
  beginTerms,
  checkInvariants,
  decide,
  defaultSettings,
  digest,
  dueCommands,
  newState,
  nextTimers,
  placementRound,
} from "../../../src/core/index.js";
import { checkNobodyIsPassedBy } from "./placement-check.js";
import { Prng } from "./prng.js";
import { TermKeeper } from "./term-keeper.js";

/** A command's own blobs are counted only once its events are applied. */
const blobsInHandMax = 10_000;

/** The core with a hand on its clocks and dice: commands in, decisions out, no I/O. */
export class Machine {
  state = newState();
  /** Short times, so that a story sees jobs leave and keys lapse. */
  readonly settings = { ...defaultSettings, retireAfterMs: 20_000, keyRetentionMs: 120_000 };
  readonly journal: { readonly event: CoreEvent; readonly stamp: Stamp }[] = [];
  /** Commands that were accepted and changed something, by kind. */
  readonly accepted = new Map<CommandKind, number>();
  readonly rejected = new Map<string, number>();
  /** Commands that were decided, whatever came of them, by kind. */
  readonly decided = new Map<CommandKind, number>();
  readonly notices: Notice[] = [];
  /** Blobs that nothing refers to any more. */
  readonly freed = new Set<number>();
  readonly granted: LeaseNo[] = [];
  /** Journal time; what a caller adds to it goes by on the clock of terms too. */
  now = 1_000_000;
  /** How far the wall clock is off: it may be set forward or back at any time. */
  wallOffMs = 0;
  epoch = 1;
  /** What the terms of this process come to by an account of its own. */
  terms = new TermKeeper(defaultSettings);
  /** When the clock of terms began: it counts from the start of a process, less all stalls. */
  #termOriginMs = this.now;
  #nextBlob = 1;
  /** The dice; a story that depends on a draw sets its own. */
  draw: () => number;
  readonly #checks: boolean;

  /** @param checks look at every invariant after every event */
  constructor(draw: () => number = new Prng(1).uint32, checks = true) {
    this.draw = draw;
    this.#checks = checks;
  }

  get context(): Context {
    return {
      now: this.now,
      wall: this.now + this.wallOffMs,
      termNow: this.now - this.#termOriginMs,
      draw: this.draw,
      epoch: this.epoch,
      firstBlob: this.#nextBlob,
    };
  }

  run(command: Command, blobs = 0): Decision {
    const { context } = this;
    this.decided.set(command.kind, (this.decided.get(command.kind) ?? 0) + 1);
    const decision: Decision = decide(this.state, command, context, this.settings);
    if (!decision.ok) {
      const { kind } = decision.rejection;
      this.rejected.set(kind, (this.rejected.get(kind) ?? 0) + 1);
      return decision;
    }
    if (this.#checks && decision.events.length > 0) this.terms.decided(command, context.termNow);
    for (const event of decision.events) this.#apply(event, context);
    if (decision.events.length > 0) {
      this.accepted.set(command.kind, (this.accepted.get(command.kind) ?? 0) + 1);
      if (decision.keepsBlobs) this.#nextBlob += blobs;
    }
    for (const note of decision.annotations) this.note(note);
    this.notices.push(...decision.notices);
    return decision;
  }

  note(annotation: Annotation): void {
    annotate(this.state, annotation, this.context, this.settings);
    if (this.#checks) this.terms.noted(this.state, annotation, this.context.termNow);
  }

  /** The master stands still: journal time goes by, terms do not. */
  stall(ms: number): void {
    this.now += ms;
    this.#termOriginMs += ms;
  }

  /**
   * The process ends and another one starts on what it has recorded: the same durable state, and
   * nothing of what was only noted.
   */
  restart(downMs: number): void {
    const state = this.recovered();
    assert.equal(JSON.stringify(digest(state)), JSON.stringify(digest(this.state)));
    checkInvariants(state);
    this.state = state;
    this.epoch += 1;
    this.now += downMs;
    this.#termOriginMs = this.now;
    beginTerms(state, this.context, this.settings);
    this.terms = this.terms.restarted(state);
    this.followUp();
  }

  /** What another process would start on. */
  protected recovered(): State {
    const state = replayed(this.journal);
    assert.deepEqual(new Set(state.takeFreed()), this.freed);
    return state;
  }

  /** What is due by the clocks. */
  due(): Command[] {
    return dueCommands(this.state, this.context, this.settings);
  }

  /** When something is due next, in journal time. */
  nextDue(): number {
    return nextTimers(this.state, this.settings).now;
  }

  /** What is due by the clocks, then all that follows. */
  tick(): void {
    for (const command of this.due()) this.run(command);
    if (this.#checks) this.terms.checkNothingIsOverdue(this.state, this.context.termNow);
    this.followUp();
  }

  followUp(): void {
    for (const job of this.state.toAdvance) {
      this.state.toAdvance.delete(job);
      this.run({ kind: "advance_job", job });
    }
    for (const job of this.state.toSweep) this.run({ kind: "sweep_job", job });
    for (const job of this.state.toLeave) this.run({ kind: "retire_tasks", job });
    if (this.state.toAdvance.size + this.state.toLeave.size > 0) this.followUp();
  }

  /** One round of placement. @returns the leases that it granted */
  place(most = 1_000, isLate?: () => boolean): readonly LeaseNo[] {
    const leases = placementRound(
      this.state,
      (worker, reach, ahead) => {
        const decision = this.run({ kind: "place", worker, reach, ahead });
        return decision.ok ? (decision.reply as LeaseNo) : 0;
      },
      most,
      isLate,
    );
    if (leases.length > 0) this.note({ kind: "note_granted", leases });
    this.granted.push(...leases);
    return leases;
  }

  #apply(event: CoreEvent, stamp: Stamp): void {
    apply(this.state, event, { now: stamp.now, wall: stamp.wall });
    this.journal.push({ event, stamp: { now: stamp.now, wall: stamp.wall } });
    for (const blob of this.state.takeFreed()) {
      assert(blob > 0 && blob < this.#nextBlob + blobsInHandMax, `blob ${blob} was never there`);
      assert(!this.freed.has(blob), `blob ${blob} is freed twice, by ${event.type}`);
      this.freed.add(blob);
    }
    if (!this.#checks) return;
    checkInvariants(this.state);
    if (event.type !== "lease_granted") return;
    if (event.ahead) checkNobodyIsPassedBy(this.state, event.lease);
    else this.#checkRoom(event.lease);
  }

  /**
   * Never over-committed: at each grant, what fits and what stops is within capacity, of all that
   * the task asks for. (A worker that shrank may be over in what it does not ask for.)
   */
  #checkRoom(no: number): void {
    const lease = this.state.leases.get(no);
    assert(lease !== undefined);
    const worker = this.state.worker(lease.worker);
    for (const kind of lease.demand.kinds) {
      const used = worker.used[kind] ?? 0;
      const total = worker.total[kind] ?? 0;
      assert(used <= total, `worker ${worker.no} has ${total} of ${kind} and was given ${used}`);
    }
  }
}

/** The state that the same events lead to, from nothing. */
export function replayed(journal: Machine["journal"]) {
  const state = newState();
  for (const { event, stamp } of journal) apply(state, event, stamp);
  return state;
}
