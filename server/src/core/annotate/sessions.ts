import type { AnnotationOf } from "../commands.js";
import type { Context, Settings } from "../context.js";
import type { State } from "../state/state.js";
import type { Worker } from "../state/workers.js";
import { arm } from "./arm.js";

/** A session begins: the worker is reached by it from now on; its credit starts at nothing. */
export function beginSession(
  state: State,
  note: AnnotationOf<"begin_session">,
  context: Context,
  settings: Settings,
): void {
  const worker = state.worker(note.worker);
  worker.session = note.session;
  worker.creditTasks = 0;
  worker.creditBytes = 0;
  worker.seenAt = context.termNow;
  worker.heardAt = context.now;
  worker.assignedThrough = 0;
  worker.receivedThrough = 0;
  for (const no of worker.leases) {
    const lease = state.leases.get(no);
    // Sequences count anew in each session.
    if (lease !== undefined) lease.sequence = 0;
  }
  for (const { lease: no, started } of note.resumed) {
    const lease = state.leases.get(no);
    if (lease === undefined) continue;
    lease.received = true;
    lease.deadlineAt = context.termNow + settings.leaseTermMs;
    // Also one that is ahead here: its worker knows of an end that is still on its way to us.
    if (!started) continue;
    if (lease.startedAt < 0 && !lease.stopping) state.stageOf(lease.task).countRunning(1);
    lease.startedAt = context.termNow;
  }
  // Time-outs of what is resumed may come before its term ends: a look finds out when.
  const lookInMs = note.resumed.length > 0 ? 0 : settings.leaseTermMs;
  arm(state, worker, context.termNow + lookInMs);
}

/** A session is over. The worker keeps its leases for as long as their terms run. */
export function endSession(
  state: State,
  note: AnnotationOf<"end_session">,
  context: Context,
  settings: Settings,
): void {
  const worker = state.worker(note.worker);
  if (worker.session !== note.session) return;
  worker.session = 0;
  worker.creditTasks = 0;
  worker.creditBytes = 0;
  worker.seenAt = context.termNow;
  arm(state, worker, context.termNow + settings.leaseTermMs);
}

/** The worker's window on unsettled leases: the last one said holds. */
export function grantCredit(state: State, note: AnnotationOf<"grant_credit">): void {
  const worker = inSession(state, note);
  if (worker === undefined) return;
  worker.creditTasks = note.tasks;
  worker.creditBytes = note.bytes;
  state.placement.offer(worker.no);
}

/** Something was heard of the worker. */
export function noteAlive(state: State, note: AnnotationOf<"note_alive">, context: Context): void {
  const worker = inSession(state, note);
  if (worker === undefined) return;
  worker.seenAt = context.termNow;
  worker.heardAt = context.now;
}

function inSession(
  state: State,
  note: { readonly worker: number; readonly session: number },
): Worker | undefined {
  const worker = state.worker(note.worker);
  return worker.session === note.session ? worker : undefined;
}
