import type { Job } from "./state/jobs.js";
import type { Lease } from "./state/leases.js";
import type { Stage } from "./state/stages.js";
import type { State } from "./state/state.js";
import type { Worker } from "./state/workers.js";

/**
 * The durable state as plain data in canonical order: two masters are in the same state when
 * their digests are equal. Derived and volatile tiers are left out.
 */
export function digest(state: State): unknown {
  return {
    jobs: Array.from(state.jobs, durableJob),
    // Of those that have left: whose keys are kept, and how far those have come that are leaving.
    keyed: keyedJobs(state),
    leaving: [...state.jobs.leaving].sort(([a], [b]) => a - b),
    stages: Array.from(state.stages, (stage) => durableStage(state, stage)),
    tasks: tasksOf(state),
    leases: [...state.leases.values()].map(durableLease),
    nextLease: state.nextLease,
    workers: state.workers.map(durableWorker),
    extras: [...state.extras].sort(([a], [b]) => a - b),
    outputPartitions: [...state.outputPartitions].sort(([a], [b]) => a - b),
  };
}

function durableJob(job: Job): unknown {
  const { no, id, spec, idempotencyKey, fingerprint, submittedAt, submittedWall } = job;
  const { firstStage, stageCount, state, run, uploadLapsesAt, sweep } = job;
  const { cancelCause, note, failedTask, finishedAt, finishedWall } = job;
  return {
    ...{ no, id, spec, idempotencyKey, fingerprint, submittedAt, submittedWall },
    ...{ firstStage, stageCount, state, run, uploadLapsesAt, sweep },
    ...{ cancelCause, note, failedTask, finishedAt, finishedWall },
  };
}

function keyedJobs({ jobs }: State): unknown[] {
  const keyed: unknown[] = [];
  for (let no = 0; no < jobs.count; no++) {
    if (jobs.isKept(no) && !jobs.has(no)) keyed.push(durableJob(jobs.at(no)));
  }
  return keyed;
}

function durableStage({ placement }: State, stage: Stage): unknown {
  const { no, job, position, spec, opened, pruned, taskCount, counts, retries } = stage;
  const { firstTask, segments, partitionHosts } = stage;
  return {
    ...{ no, job, position, spec, opened, pruned, taskCount, counts, retries },
    ...{ firstTask, segments },
    partitionHosts: [...(partitionHosts ?? [])].map(([partition, hosts]) => [
      partition,
      [...hosts].map(([host, bytes]) => [placement.hosts.name(host), bytes]),
    ]),
  };
}

function tasksOf(state: State): unknown[] {
  const { tasks, placement, hostPool } = state;
  const rows: unknown[] = [];
  for (let task = 0; task < tasks.count; task++) {
    if (!tasks.has(task)) continue;
    const hosts: string[] = [];
    for (let i = 0; i < tasks.hostsCount.get(task); i++) {
      hosts.push(placement.hosts.name(hostPool.get(tasks.hostsAt.get(task) + i)));
    }
    rows.push([
      task,
      tasks.state.get(task),
      tasks.stage.get(task),
      tasks.index.get(task),
      placement.bag(tasks.bag.get(task)).kind,
      tasks.generation.get(task),
      tasks.delivery.get(task),
      tasks.failures.get(task),
      tasks.lost.get(task),
      tasks.oom.get(task),
      tasks.deliveries.get(task),
      tasks.body.get(task),
      tasks.bodyBytes.get(task),
      tasks.inputBytes.get(task),
      tasks.recordCount.get(task),
      hosts,
      tasks.runAt.get(task),
      tasks.lease.get(task),
      tasks.settledDelivery.get(task),
      tasks.settledOutcome.get(task),
      tasks.outputs.get(task),
      tasks.outputsCount.get(task),
      tasks.lastWorker.get(task),
      tasks.lastLevel.get(task),
      tasks.grantedWall.get(task),
      tasks.endedWall.get(task),
    ]);
  }
  return rows;
}

export function durableLease(lease: Lease): unknown {
  const {
    deadlineAt: _deadline,
    assignedAt: _assigned,
    sequence: _sequence,
    received: _received,
    startedAt: _started,
    progress: _progress,
    progressNote: _note,
    ...durable
  } = lease;
  return durable;
}

export function durableWorker(worker: Worker): unknown {
  const { no, spec, capacity, lost, draining, succeeded, failed, leases } = worker;
  return { no, spec, capacity, lost, draining, succeeded, failed, leases: [...leases] };
}
