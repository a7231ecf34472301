import { isFinished } from "../state/jobs.js";
import type { State } from "../state/state.js";
import type { Worker } from "../state/workers.js";
import type { CountsView } from "./jobs.js";
import { connectionOf } from "./workers.js";

/** Totals for GetMaster and the logs. */
export function totals(state: State) {
  return {
    jobs: state.jobs.size,
    tasks: state.tasks.count,
    leases: state.leases.size,
    workers: state.workers.filter((worker) => !isGone(worker)).length,
  };
}

function isGone(worker: Worker): boolean {
  const connection = connectionOf(worker);
  return connection === "lost" || connection === "left";
}

/** How the work stands as a whole. */
export interface MasterView {
  readonly workersConnected: number;
  readonly jobsActive: number;
  /** Tasks of jobs that have not ended. */
  readonly counts: CountsView;
  readonly retries: number;
}

/** Walks all jobs: for a person who asks, not for a loop. */
export function masterView(state: State): MasterView {
  const counts = {
    blocked: 0,
    scheduled: 0,
    pending: 0,
    leased: 0,
    running: 0,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
  };
  let jobsActive = 0;
  let retries = 0;
  for (const job of state.jobs) {
    if (isFinished(job.state)) continue;
    jobsActive += 1;
    const { firstStage, stageCount } = job;
    for (let i = 0; i < stageCount; i++) {
      const stage = state.stage(firstStage + i);
      const { waiting, blocked, scheduled, leased, succeeded, failed, cancelled } = stage.counts;
      const { running } = stage;
      counts[stage.opened ? "pending" : "blocked"] += waiting;
      counts.blocked += blocked;
      counts.scheduled += scheduled;
      counts.leased += leased - running;
      counts.running += running;
      counts.succeeded += succeeded;
      counts.failed += failed;
      counts.cancelled += cancelled;
      retries += stage.retries;
    }
  }
  const workersConnected = state.workers.filter(({ lost, session }) => !lost && session !== 0);
  return { workersConnected: workersConnected.length, jobsActive, counts, retries };
}
