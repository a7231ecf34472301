import type { AnnotationOf } from "../commands.js";
import type { Context, Settings } from "../context.js";
import type { Lease } from "../state/leases.js";
import { holds } from "../state/leases.js";
import type { State } from "../state/state.js";
import type { LeaseToken } from "../ids.js";
import { arm } from "./arm.js";

/** Leases were granted in one round: their first term begins. */
export function noteGranted(
  state: State,
  note: AnnotationOf<"note_granted">,
  context: Context,
  settings: Settings,
): void {
  const deadlineAt = context.termNow + settings.leaseTermMs;
  for (const no of note.leases) {
    const lease = state.leases.get(no);
    if (lease === undefined) continue;
    lease.deadlineAt = deadlineAt;
    arm(state, state.worker(lease.worker), deadlineAt);
  }
}

/** Leases went out to their worker, which has so long to say that it received them. */
export function noteAssigned(
  state: State,
  note: AnnotationOf<"note_assigned">,
  context: Context,
  settings: Settings,
): void {
  const worker = state.worker(note.worker);
  if (worker.session !== note.session) return;
  for (const no of note.leases) {
    const lease = state.leases.get(no);
    if (lease === undefined) continue;
    lease.sequence = note.sequence;
    lease.assignedAt = context.termNow;
  }
  worker.assignedThrough = note.sequence;
  arm(state, worker, context.termNow + settings.receiptTimeoutMs);
}

/** The worker has received all assignments up to a sequence. */
export function noteReceived(state: State, note: AnnotationOf<"note_received">): void {
  const worker = state.worker(note.worker);
  if (worker.session !== note.session) return;
  // What it has not been sent it cannot have received, whatever it says.
  const through = Math.min(note.throughSequence, worker.assignedThrough);
  worker.receivedThrough = Math.max(worker.receivedThrough, through);
}

/** The worker has started these. */
export function noteStarted(
  state: State,
  note: AnnotationOf<"note_started">,
  context: Context,
  settings: Settings,
): void {
  for (const token of note.tokens) {
    const lease = liveLease(state, note.worker, token);
    if (lease === undefined) continue;
    renew(lease, context, settings);
    if (lease.startedAt >= 0) continue;
    lease.startedAt = context.termNow;
    state.stageOf(lease.task).countRunning(1);
    lease.received = true;
    state.job(lease.job).revision += 1;
    const { attemptTimeoutMs } = state.placement.bag(state.tasks.bag.get(lease.task)).kind.policy;
    if (attemptTimeoutMs === 0) continue;
    const lateAt = context.termNow + attemptTimeoutMs + settings.timeoutGraceMs;
    arm(state, state.worker(lease.worker), lateAt);
  }
}

/** How far a running task has come. Renews its lease. */
export function noteProgress(
  state: State,
  note: AnnotationOf<"note_progress">,
  context: Context,
  settings: Settings,
): void {
  const lease = state.leases.get(note.token.lease);
  if (lease === undefined || lease.stopping || !holds(lease, note.token)) return;
  renew(lease, context, settings);
  // A fraction never falls within a delivery, whatever the worker says.
  if (note.fraction !== undefined) lease.progress = Math.max(lease.progress, note.fraction);
  if (note.note !== "") lease.progressNote = note.note;
  state.job(lease.job).revision += 1;
}

/** Renews exactly the leases that are named. */
export function renewLeases(
  state: State,
  note: AnnotationOf<"renew_leases">,
  context: Context,
  settings: Settings,
): void {
  const worker = state.worker(note.worker);
  worker.seenAt = context.termNow;
  worker.heardAt = context.now;
  for (const token of note.tokens) {
    const lease = liveLease(state, note.worker, token);
    if (lease !== undefined) renew(lease, context, settings);
  }
}

function renew(lease: Lease, context: Context, settings: Settings): void {
  lease.deadlineAt = context.termNow + settings.leaseTermMs;
}

function liveLease(state: State, worker: number, token: LeaseToken): Lease | undefined {
  const lease = state.leases.get(token.lease);
  if (lease === undefined || lease.stopping || lease.worker !== worker) return undefined;
  return holds(lease, token) ? lease : undefined;
}
