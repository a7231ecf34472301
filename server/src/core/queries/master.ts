import type { State } from "../state/state.js";
import { TaskState } from "../state/tasks.js";
import type { CountsView } from "./jobs.js";

/** How the work stands as a whole. */
export interface MasterView {
  readonly workersConnected: number;
  readonly jobsActive: number;
  /** Tasks of jobs that have not ended. */
  readonly counts: CountsView;
  readonly retries: number;
}

/** Costs nothing for a job, and next to nothing for a worker: whoever watches may ask often. */
export function masterView(state: State): MasterView {
  const { totals } = state.stages;
  const running = totals.running;
  const counts = {
    blocked: totals.countIn(TaskState.blocked) + totals.shut,
    scheduled: totals.countIn(TaskState.scheduled),
    pending: totals.countIn(TaskState.waiting) - totals.shut,
    leased: totals.countIn(TaskState.leased) - running,
    running,
    succeeded: totals.countIn(TaskState.succeeded),
    failed: totals.countIn(TaskState.failed),
    cancelled: totals.countIn(TaskState.cancelled),
  };
  let workersConnected = 0;
  for (const { lost, session } of state.workers) if (!lost && session !== 0) workersConnected += 1;
  return { workersConnected, jobsActive: state.jobs.active, counts, retries: totals.retries };
}
