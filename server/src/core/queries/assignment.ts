import type { FailureFacts, Level } from "../events.js";
import type { BlobId, LeaseNo, LeaseToken } from "../ids.js";
import type { DependencyKind, JobSpec, TaskKind } from "../spec.js";
import type { Job } from "../state/jobs.js";
import type { Stage } from "../state/stages.js";
import type { State } from "../state/state.js";

/** What the tasks of one bag have in common; most often the same object for all of them. */
export interface AssignmentContext {
  readonly namespace: string;
  readonly jobId: string;
  readonly jobName: string;
  readonly spec: JobSpec;
  readonly stageName: string;
  readonly partitions: number;
  readonly kind: TaskKind;
  /** Upstream stages of which a task reads the partition of its own index. */
  readonly reads: readonly {
    readonly stage: string;
    readonly kind: DependencyKind;
    readonly taskCount: number;
    readonly partitions: number;
  }[];
}

/**
 * All that an assignment says of a lease, its token among it; bytes are fetched by their blobs. One
 * flat object: there are tens of thousands a second.
 */
export interface AssignmentView extends LeaseToken {
  readonly kind: "assign";
  readonly context: AssignmentContext;
  readonly index: number;
  readonly generation: number;
  readonly attempt: number;
  readonly ahead: boolean;
  readonly level: Level;
  /** 0: neither payload nor inputs. */
  readonly body: BlobId;
  readonly bodyBytes: number;
  readonly recordCount: number;
  /** 0: none. */
  readonly checkpoint: BlobId;
  readonly previousFailure: FailureFacts | undefined;
}

/** What a worker is told of a lease. @returns undefined when it is gone or stopping already */
export function assignment(state: State, no: LeaseNo): AssignmentView | undefined {
  const lease = state.leases.get(no);
  if (lease === undefined || lease.stopping) return undefined;
  const { tasks } = state;
  const extra = state.extras.get(lease.task);
  const bodyBytes = tasks.bodyBytes.get(lease.task);
  return {
    kind: "assign",
    epoch: lease.epoch,
    lease: no,
    job: lease.job,
    task: lease.task,
    delivery: lease.delivery,
    drawHigh: lease.drawHigh,
    drawLow: lease.drawLow,
    context: contextOf(state, tasks.bag.get(lease.task)),
    index: tasks.index.get(lease.task),
    generation: lease.generation,
    attempt: lease.attempt,
    ahead: lease.ahead,
    level: tasks.lastLevel.get(lease.task) as Level,
    body: bodyBytes > 0 ? tasks.body.get(lease.task) : 0,
    bodyBytes,
    recordCount: tasks.recordCount.get(lease.task),
    checkpoint: extra?.checkpoint ?? 0,
    previousFailure: extra?.lastFailure,
  };
}

/** Made once for many tasks of a bag: a million assignments share it. */
function contextOf(state: State, bagNo: number): AssignmentContext {
  const bag = state.placement.bag(bagNo);
  if (bag.context !== undefined) return bag.context as AssignmentContext;
  const stage = state.stage(bag.stage);
  const job = state.job(stage.job);
  const context: AssignmentContext = {
    namespace: job.spec.namespace,
    jobId: job.id,
    jobName: job.spec.name,
    spec: job.spec,
    stageName: stage.spec.name,
    partitions: stage.spec.partitions,
    kind: bag.kind,
    reads: stage.spec.dependsOn.length === 0 ? noReads : readsOf(state, job, stage),
  };
  bag.context = context;
  return context;
}

const noReads: AssignmentContext["reads"] = [];

function readsOf(state: State, job: Job, stage: Stage): AssignmentContext["reads"] {
  return stage.spec.dependsOn.map(({ stage: name, kind }) => {
    const position = job.spec.stages.findIndex((other) => other.name === name);
    const { taskCount, spec } = state.stage(job.firstStage + position);
    return { stage: name, kind, taskCount, partitions: spec.partitions };
  });
}

/** The worker's live and stopping leases, with how they stand; for directives of a heartbeat. */
export function tokenStanding(state: State, token: LeaseToken): "live" | "stopping" | "over" {
  const lease = state.leases.get(token.lease);
  if (lease === undefined || lease.drawHigh !== token.drawHigh || lease.drawLow !== token.drawLow) {
    return "over";
  }
  return lease.stopping ? "stopping" : "live";
}
