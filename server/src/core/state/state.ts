import type {
  BlobId,
  JobNo,
  JournalMs,
  LeaseNo,
  StageNo,
  TaskNo,
  WallMs,
  WorkerNo,
} from "../ids.js";
import type { Charge } from "../outcome.js";
import type { JobSpec } from "../spec.js";
import type { FailureFacts, Level, RequeueReason } from "../events.js";
import { Placement } from "../placement/placement.js";
import { NumberHeap } from "../placement/heap.js";
import { HostPool } from "./host-pool.js";
import type { Job } from "./jobs.js";
import { JobTable } from "./jobs.js";
import type { Lease } from "./leases.js";
import type { Stage } from "./stages.js";
import { StageTable } from "./stages.js";
import { TaskTable } from "./tasks.js";
import { TextIndex } from "./text-index.js";
import type { Worker } from "./workers.js";

/** A delivery that ended without success: kept so that no failure goes missing. */
export interface DeliveryRecord {
  readonly generation: number;
  readonly delivery: number;
  readonly attempt: number;
  readonly worker: WorkerNo;
  readonly level: Level;
  readonly grantedWall: WallMs;
  readonly endedWall: WallMs;
  readonly end: "failed" | "cancelled" | RequeueReason;
  readonly charge: Charge;
  readonly failure: FailureFacts | undefined;
}

/** What most tasks never need: their troubles, checkpoint, dead letter. */
export interface TaskExtra {
  /** The first one and the last `deliveryRecordsMax - 1`. */
  readonly deliveries: DeliveryRecord[];
  /** How many were left out of the middle. */
  dropped: number;
  lastFailure: FailureFacts | undefined;
  checkpoint: BlobId;
  deadLetterId: string;
}

/** How many ended deliveries are kept of a task: the first, and the latest. */
export const deliveryRecordsMax = 16;

/**
 * The whole state of a master, in three tiers. *Durable*: written by `apply` alone, the same on
 * replay. *Derived*: kept in step with it, rebuilt from it. *Volatile*: written by `annotate`,
 * never journaled. Comments say which tier a field is of where it is not the durable one.
 */
export class State {
  readonly jobs = new JobTable();
  readonly stages = new StageTable();
  readonly tasks = new TaskTable();
  readonly hostPool = new HostPool();
  /** Leases that live or stop, in the order of their grant. */
  readonly leases = new Map<LeaseNo, Lease>();
  nextLease: LeaseNo = 1;
  readonly workers: Worker[] = [];
  readonly extras = new Map<TaskNo, TaskExtra>();
  /** Which partitions the outputs of a task are, in the order of their blobs. */
  readonly outputPartitions = new Map<TaskNo, readonly number[]>();
  /** Derived: job by public id, and by namespace, then by idempotency key; worker by id. */
  readonly jobById: TextIndex;
  readonly jobByKey = new Map<string, TextIndex>();
  readonly workerById = new Map<string, WorkerNo>();
  /** Derived. */
  readonly placement = new Placement(this.tasks, this.hostPool);
  /** Derived: scheduled tasks by due time; entries of tasks that moved on are skipped. */
  readonly scheduled = new NumberHeap();
  /** Derived: unsealed uploads by the time at which they lapse. */
  readonly uploads = new NumberHeap();
  /** Derived: jobs that have ended, by when, and by when to look at them again. */
  readonly finished = new NumberHeap();
  /** Derived: jobs that have left and whose keys are kept, by when they were submitted. */
  readonly keyed = new NumberHeap();
  /** Derived: by namespace, what is left of the specs of jobs of which only the key is kept. */
  readonly keySpecs = new Map<string, JobSpec>();
  /** Derived: jobs with more tasks than one event covers, which are leaving. */
  readonly toLeave = new Set<JobNo>();
  /** Derived: by stage, tasks that have lost their worker more than once and go on. */
  readonly losing = new Map<StageNo, Set<TaskNo>>();
  /** Derived: blobs that nothing here refers to any more, until whoever keeps their bytes takes them. */
  freedBlobs: BlobId[] = [];
  /** Derived: jobs of which something may follow (a stage opens, the job ends). */
  readonly toAdvance = new Set<JobNo>();
  /** Derived: jobs with a sweep under way. */
  readonly toSweep = new Set<JobNo>();

  /** Volatile: the history has all that was decided before this; -Infinity: there is none. */
  projectedThrough: JournalMs = -Infinity;
  /** Volatile: the history knows of no job before this one; Infinity: of none at all so far. */
  historyBegins: JobNo = 0;
  /** Volatile: when workers are to be looked at, on the clock of terms. */
  readonly checks = new NumberHeap();

  readonly #hashSeed: number;

  constructor(hashSeed: number) {
    this.#hashSeed = hashSeed;
    this.jobById = new TextIndex((no) => this.job(no).id, hashSeed);
  }

  job(no: JobNo): Job {
    return this.jobs.at(no);
  }

  stage(no: StageNo): Stage {
    return this.stages.at(no);
  }

  worker(no: WorkerNo): Worker {
    return this.workers[no] as Worker;
  }

  stageOf(task: TaskNo): Stage {
    return this.stage(this.tasks.stage.get(task));
  }

  jobOf(task: TaskNo): Job {
    return this.job(this.stageOf(task).job);
  }

  /** Blobs that nothing here refers to any more, each once. */
  takeFreed(): readonly BlobId[] {
    const freed = this.freedBlobs;
    // Asked after each event, of which next to none frees anything.
    if (freed.length > 0) this.freedBlobs = [];
    return freed;
  }

  /** The job that was submitted under a key. */
  jobOfKey(namespace: string, key: string): JobNo | undefined {
    return this.jobByKey.get(namespace)?.find(key);
  }

  /** Keeps the job's key, which is new in its namespace. */
  addKey({ no, spec: { namespace }, idempotencyKey }: Job): void {
    let keys = this.jobByKey.get(namespace);
    if (keys === undefined) {
      keys = new TextIndex((job) => this.job(job).idempotencyKey, this.#hashSeed);
      this.jobByKey.set(namespace, keys);
    }
    keys.add(idempotencyKey, no);
  }
}

/** The extra of a task, made if it has none. */
export function extraOf(state: State, task: TaskNo): TaskExtra {
  let extra = state.extras.get(task);
  if (extra === undefined) {
    extra = { deliveries: [], dropped: 0, lastFailure: undefined, checkpoint: 0, deadLetterId: "" };
    state.extras.set(task, extra);
  }
  return extra;
}

/**
 * The state of a master that has never heard of anything.
 *
 * @param hashSeed for the look-up of what clients name: one that they cannot know. It changes nothing
 *   but the time that takes
 */
export function newState(hashSeed = 0): State {
  return new State(hashSeed);
}
