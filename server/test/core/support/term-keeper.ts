import assert from "node:assert/strict";
import type {
  Annotation,
  Command,
  LeaseNo,
  LeaseToken,
  Settings,
  State,
  WorkerNo,
} from "../../../src/core/index.js";

/**
 * Keeps account of terms by itself, from what was noted: nothing of the core's own deadlines is
 * read. Nothing may end before its term has run out on the clock of terms, and nothing may outlive
 * it.
 */
export class TermKeeper {
  readonly #settings: Settings;
  /** When a lease was granted, resumed or last renewed; when a worker was last heard of. */
  readonly #renewedAt = new Map<LeaseNo, number>();
  readonly #heardAt = new Map<WorkerNo, number>();
  /** Ends by the clock that were looked at, over all restarts. */
  readonly seen: { expiries: number; losses: number };

  constructor(settings: Settings, seen = { expiries: 0, losses: 0 }) {
    this.#settings = settings;
    this.seen = seen;
  }

  /** Of the next process: every held lease and every worker has a full fresh term, from 0. */
  restarted(state: State): TermKeeper {
    const next = new TermKeeper(this.#settings, this.seen);
    for (const lease of state.leases.keys()) next.#renewedAt.set(lease, 0);
    for (const { no } of state.workers) next.#heardAt.set(no, 0);
    return next;
  }

  /** To be told of every annotation. */
  noted(state: State, note: Annotation, termNow: number): void {
    switch (note.kind) {
      case "begin_session":
        this.#heardAt.set(note.worker, termNow);
        for (const { lease } of note.resumed) this.#renewedAt.set(lease, termNow);
        return;
      case "end_session":
      case "note_alive":
        if (state.worker(note.worker).session !== note.session && note.kind === "note_alive")
          return;
        this.#heardAt.set(note.worker, termNow);
        return;
      case "note_granted":
        for (const lease of note.leases) this.#renewedAt.set(lease, termNow);
        return;
      case "renew_leases":
        this.#heardAt.set(note.worker, termNow);
        for (const token of note.tokens) this.#renew(state, token, termNow, note.worker);
        return;
      case "note_started":
        for (const token of note.tokens) this.#renew(state, token, termNow, note.worker);
        return;
      case "note_progress":
        this.#renew(state, note.token, termNow, undefined);
        return;
      case "grant_credit":
      case "note_assigned":
      case "note_received":
      case "note_projected":
      case "note_history_begins":
      case "note_held_back":
        return;
    }
  }

  /** To be told of every command that was accepted and changes something. */
  decided(command: Command, termNow: number): void {
    const { leaseTermMs } = this.#settings;
    if (command.kind === "expire_lease") {
      const renewedAt = this.#renewedAt.get(command.lease);
      assert(renewedAt !== undefined, `lease ${command.lease} expires, and its term never began`);
      const heldMs = termNow - renewedAt;
      assert(heldMs >= leaseTermMs, `lease ${command.lease} expires ${heldMs} ms into its term`);
      this.seen.expiries += 1;
    } else if (command.kind === "lose_worker") {
      const quietMs = termNow - (this.#heardAt.get(command.worker) ?? Infinity);
      assert(quietMs >= leaseTermMs, `worker ${command.worker} is lost after ${quietMs} ms`);
      this.seen.losses += 1;
    }
  }

  /** When all that is due has been done. */
  checkNothingIsOverdue(state: State, termNow: number): void {
    const { leaseTermMs } = this.#settings;
    for (const { no, stopping } of state.leases.values()) {
      if (stopping) continue;
      const heldMs = termNow - (this.#renewedAt.get(no) ?? -Infinity);
      assert(heldMs < leaseTermMs, `lease ${no} lives, unrenewed for ${heldMs} ms`);
    }
    for (const { no, session, lost, draining, leases } of state.workers) {
      // Who drained and went is missed by nobody.
      const hasLeft = draining && leases.size === 0;
      if (lost || session !== 0 || hasLeft) continue;
      const quietMs = termNow - (this.#heardAt.get(no) ?? -Infinity);
      assert(quietMs < leaseTermMs, `worker ${no} is not lost, unheard for ${quietMs} ms`);
    }
  }

  #renew(state: State, token: LeaseToken, termNow: number, by: WorkerNo | undefined): void {
    const lease = state.leases.get(token.lease);
    if (lease === undefined || lease.stopping) return;
    if (by !== undefined && lease.worker !== by) return;
    const { epoch, job, task, delivery, drawHigh, drawLow } = token;
    const isIts =
      lease.epoch === epoch &&
      lease.job === job &&
      lease.task === task &&
      lease.delivery === delivery &&
      lease.drawHigh === drawHigh &&
      lease.drawLow === drawLow;
    if (isIts) this.#renewedAt.set(token.lease, termNow);
  }
}
