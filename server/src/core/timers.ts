import type { Command } from "./commands.js";
import type { Context, Settings } from "./context.js";
import { arm } from "./annotate/arm.js";
import { eventTasksMax } from "./context.js";
import type { JobNo, JournalMs, TaskNo, WorkerNo } from "./ids.js";
import { lookAgainLater, mayRetire, taskCountOf } from "./state/retirement.js";
import type { State } from "./state/state.js";
import type { Lease } from "./state/leases.js";
import { isReceived } from "./state/leases.js";
import { TaskState } from "./state/tasks.js";
import type { Worker } from "./state/workers.js";

/**
 * Timers are data: when something is due next, and which commands are due now. Terms of leases
 * run on a clock of their own, which stands still while the master does.
 */

/** When the next timer is due, on each of the two clocks; Infinity: never. */
export function nextTimers(
  state: State,
  settings: Settings,
): { readonly now: JournalMs; readonly term: JournalMs } {
  const retireAt = state.finished.firstKey + settings.retireAfterMs;
  return {
    now: Math.min(
      state.toLeave.size > 0 ? -Infinity : Infinity,
      state.scheduled.firstKey,
      state.uploads.firstKey,
      // Of the others, whoever says how far history has come brings the turn in which they are looked at.
      state.finished.firstKey < state.projectedThrough ? retireAt : Infinity,
      state.keyed.firstKey + settings.keyRetentionMs,
    ),
    term: state.checks.firstKey,
  };
}

/**
 * The commands that are due: of jobs and tasks as many as one turn can do without a heartbeat having to wait, and
 * the rest when it is asked again. Asked after the input of a batch: who renews in time is in time.
 */
export function dueCommands(state: State, context: Context, settings: Settings): Command[] {
  const due: Command[] = [];
  for (let looked = 0; state.uploads.firstKey <= context.now && looked < eventTasksMax; looked++) {
    const no = state.uploads.pop() as JobNo;
    // It may have left since: of a job that is gone its row says nothing that holds.
    if (!state.jobs.has(no)) continue;
    const job = state.job(no);
    if (job.state !== "uploading") continue;
    // A later part has given it more time: look again then.
    if (job.uploadLapsesAt > context.now) state.uploads.push(job.uploadLapsesAt, job.no);
    else due.push({ kind: "lapse_upload", job: job.no });
  }
  releaseDue(state, context.now, due);
  retireDue(state, context.now, settings, due);
  while (state.checks.firstKey <= context.termNow) {
    const at = state.checks.firstKey;
    const worker = state.worker(state.checks.pop() as WorkerNo);
    if (worker.checkAt !== at) continue;
    checkWorker(state, worker, context, settings, due);
  }
  return due;
}

/** Takes what is due out of the heap, as many tasks as one event covers. */
function releaseDue(state: State, now: JournalMs, due: Command[]): void {
  const { scheduled, tasks } = state;
  const released = new Set<TaskNo>();
  for (let looked = 0; scheduled.firstKey <= now && looked < eventTasksMax; looked++) {
    const at = scheduled.firstKey;
    const task = scheduled.pop() as TaskNo;
    // Entries of tasks that moved on are left in the heap: skip them here.
    if (tasks.state.get(task) !== TaskState.scheduled || tasks.runAt.get(task) !== at) continue;
    released.add(task);
  }
  if (released.size > 0) due.push({ kind: "release_tasks", tasks: [...released] });
}

/** Jobs that leave in one turn, and keys: as many as take some milliseconds. */
const leaveOfTurn = 512;

/**
 * What leaves in one turn: some of the jobs that may, some keys whose time is over, and of what is larger one
 * step. However much is due, as after a restart, the rest waits for the next turns.
 */
function retireDue(state: State, now: JournalMs, settings: Settings, due: Command[]): void {
  const { finished, keyed, toLeave } = state;
  const [leaving] = toLeave;
  if (leaving !== undefined) due.push({ kind: "retire_tasks", job: leaving });
  const jobs: JobNo[] = [];
  let tasks = 0;
  for (let looked = 0; looked < eventTasksMax; looked++) {
    if (jobs.length >= leaveOfTurn || tasks >= eventTasksMax) break;
    const at = finished.firstKey;
    if (at + settings.retireAfterMs > now || at >= state.projectedThrough) break;
    const no = finished.pop() as JobNo;
    // It has left before, in another process or in this one's replay.
    if (!state.jobs.has(no)) continue;
    // The history was lost, with the entries that it would be built from: nobody else has this job, which stays.
    if (no < state.historyBegins) continue;
    const job = state.job(no);
    if (!mayRetire(state, job)) {
      lookAgainLater(state, no, now, settings.retireAfterMs);
      continue;
    }
    const count = taskCountOf(state, job);
    if (count <= eventTasksMax && tasks + count > eventTasksMax) {
      finished.push(at, no);
      break;
    }
    jobs.push(no);
    // A larger one takes its steps by itself.
    if (count <= eventTasksMax) tasks += count;
  }
  if (jobs.length > 0) due.push({ kind: "retire_jobs", jobs });
  const forgotten: JobNo[] = [];
  while (keyed.firstKey + settings.keyRetentionMs <= now && forgotten.length < leaveOfTurn) {
    forgotten.push(keyed.pop() as JobNo);
  }
  if (forgotten.length > 0) due.push({ kind: "forget_keys", jobs: forgotten });
}

/** A restart or a takeover: every worker and every held lease gets a full fresh term. */
export function beginTerms(state: State, context: Context, settings: Settings): void {
  for (const worker of state.workers) {
    if (worker.lost) continue;
    worker.seenAt = context.termNow;
    arm(state, worker, context.termNow + settings.leaseTermMs);
  }
  for (const lease of state.leases.values()) {
    if (!lease.stopping) lease.deadlineAt = context.termNow + settings.leaseTermMs;
  }
}

function checkWorker(
  state: State,
  worker: Worker,
  context: Context,
  settings: Settings,
  due: Command[],
): void {
  worker.checkAt = Infinity;
  const { termNow } = context;
  if (worker.lost) return;
  if (worker.session === 0 && worker.seenAt + settings.leaseTermMs <= termNow) {
    due.push({ kind: "lose_worker", worker: worker.no });
    // It may be heard before that is decided, and is never unwatched.
    arm(state, worker, termNow + settings.leaseTermMs);
    return;
  }
  let next = worker.session === 0 ? worker.seenAt + settings.leaseTermMs : Infinity;
  for (const no of worker.leases) {
    const lease = state.leases.get(no);
    if (lease === undefined || lease.stopping) continue;
    next = Math.min(next, checkLease(state, worker, lease, termNow, settings, due));
  }
  if (next !== Infinity) arm(state, worker, next);
}

/**
 * @returns when the lease is to be looked at again: a term later also where something is due, for it may
 *   come to nothing (a receipt that arrives before it is decided), and a live lease is never unwatched
 */
function checkLease(
  state: State,
  worker: Worker,
  lease: Lease,
  termNow: JournalMs,
  settings: Settings,
  due: Command[],
): JournalMs {
  if (lease.deadlineAt <= termNow) {
    due.push({ kind: "expire_lease", lease: lease.no });
    return termNow + settings.leaseTermMs;
  }
  let next = lease.deadlineAt;
  if (lease.assignedAt >= 0 && !isReceived(lease, worker)) {
    const receiptAt = lease.assignedAt + settings.receiptTimeoutMs;
    if (receiptAt <= termNow) {
      due.push({ kind: "recall_lease", lease: lease.no });
      return termNow + settings.leaseTermMs;
    }
    next = Math.min(next, receiptAt);
  }
  const { attemptTimeoutMs } = state.placement.bag(state.tasks.bag.get(lease.task)).kind.policy;
  if (attemptTimeoutMs > 0 && lease.startedAt >= 0) {
    const lateAt = lease.startedAt + attemptTimeoutMs + settings.timeoutGraceMs;
    if (lateAt <= termNow) {
      due.push({ kind: "time_out_attempt", lease: lease.no });
      return termNow + settings.leaseTermMs;
    }
    next = Math.min(next, lateAt);
  }
  return next;
}
