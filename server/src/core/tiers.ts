import type { HostPool } from "./state/host-pool.js";
import type { JobTable } from "./state/jobs.js";
import type { Lease } from "./state/leases.js";
import type { BagTable } from "./placement/bags.js";
import type { Placement } from "./placement/placement.js";
import type { StageTable } from "./state/stages.js";
import type { DeliveryRecord, State, TaskExtra } from "./state/state.js";
import type { TaskTable } from "./state/tasks.js";
import type { Worker } from "./state/workers.js";

/**
 * Which tier each field of the state is of. A field without its row does not compile, so that none is ever
 * forgotten in a snapshot: what is durable is written, what is derived is made again from it, what is volatile
 * is gone with the process.
 */
export type Tier = "durable" | "derived" | "volatile";

/** Fields of a part of the state; methods are none. */
type Rows<T> = {
  readonly [K in keyof T as T[K] extends (...args: never[]) => unknown ? never : K]: Tier;
};

/** Tables of their own have rows of their own below: they are called durable here. */
export const stateTiers = {
  jobs: "durable",
  stages: "durable",
  tasks: "durable",
  hostPool: "durable",
  leases: "durable",
  nextLease: "durable",
  workers: "durable",
  extras: "durable",
  outputPartitions: "durable",
  jobById: "derived",
  jobByKey: "derived",
  workerById: "derived",
  placement: "durable",
  scheduled: "derived",
  uploads: "derived",
  finished: "derived",
  keyed: "derived",
  keySpecs: "derived",
  toLeave: "derived",
  losing: "derived",
  freedBlobs: "derived",
  toAdvance: "derived",
  toSweep: "derived",
  projectedThrough: "volatile",
  historyBegins: "volatile",
  checks: "volatile",
} as const satisfies Rows<State>;

export const jobTiers = {
  count: "durable",
  size: "derived",
  active: "derived",
  first: "derived",
  id: "durable",
  spec: "durable",
  idempotencyKey: "durable",
  fingerprint: "durable",
  submittedAt: "durable",
  submittedWall: "durable",
  firstStage: "durable",
  stageCount: "durable",
  state: "durable",
  run: "durable",
  uploadLapsesAt: "durable",
  sweep: "durable",
  cancelCause: "durable",
  note: "durable",
  failedTask: "durable",
  finishedAt: "durable",
  finishedWall: "durable",
  retired: "durable",
  leaving: "durable",
  liveLeases: "derived",
  heldLeases: "derived",
  revision: "derived",
  gone: "durable",
} as const satisfies Rows<JobTable>;

export const stageTiers = {
  count: "durable",
  job: "durable",
  position: "durable",
  // The job's spec has it.
  spec: "derived",
  opened: "durable",
  pruned: "durable",
  taskCount: "durable",
  counts: "durable",
  retries: "durable",
  running: "volatile",
  firstTask: "durable",
  segments: "durable",
  partitionHosts: "durable",
  firstBag: "derived",
  bags: "derived",
  totals: "derived",
  gone: "durable",
} as const satisfies Rows<StageTable>;

export const taskTiers = {
  count: "durable",
  state: "durable",
  stage: "durable",
  index: "durable",
  bag: "durable",
  generation: "durable",
  delivery: "durable",
  failures: "durable",
  lost: "durable",
  oom: "durable",
  deliveries: "durable",
  body: "durable",
  bodyBytes: "durable",
  inputBytes: "durable",
  recordCount: "durable",
  hostsAt: "durable",
  hostsCount: "durable",
  runAt: "durable",
  lease: "durable",
  settledDelivery: "durable",
  settledOutcome: "durable",
  outputs: "durable",
  outputsCount: "durable",
  lastWorker: "durable",
  lastLevel: "durable",
  grantedWall: "durable",
  endedWall: "durable",
  gone: "durable",
} as const satisfies Rows<TaskTable>;

export const hostPoolTiers = {
  hosts: "durable",
  gone: "durable",
  size: "durable",
} as const satisfies Rows<HostPool>;

/** Which tasks are alike is durable: a task names its bag, and only the bag knows its kind. */
export const bagTiers = {
  count: "durable",
  stage: "durable",
  kind: "durable",
  shape: "derived",
  order: "derived",
  pending: "derived",
  open: "derived",
  inLine: "derived",
  drained: "derived",
  fresh: "derived",
  again: "derived",
  contexts: "volatile",
  gone: "durable",
} as const satisfies Rows<BagTable>;

/** Events name hosts by their numbers, and demands their resources: the order of the names is durable. */
export const placementTiers = {
  resources: "durable",
  hosts: "durable",
  racks: "durable",
  // The latest worker to stand at a host said it, and it may stand elsewhere now.
  rackOfHost: "durable",
  bags: "durable",
  shapes: "derived",
  active: "derived",
  classes: "derived",
  lists: "derived",
  news: "derived",
  offers: "derived",
  room: "derived",
  atHost: "derived",
  atRack: "derived",
  racklessEntries: "derived",
} as const satisfies Rows<Placement>;

export const leaseTiers = {
  no: "durable",
  task: "durable",
  job: "durable",
  worker: "durable",
  run: "durable",
  generation: "durable",
  delivery: "durable",
  attempt: "durable",
  epoch: "durable",
  drawHigh: "durable",
  drawLow: "durable",
  demand: "durable",
  bytes: "durable",
  grantedWall: "durable",
  stopping: "durable",
  ahead: "durable",
  deadlineAt: "volatile",
  assignedAt: "volatile",
  sequence: "volatile",
  received: "volatile",
  startedAt: "volatile",
  progress: "volatile",
  progressNote: "volatile",
} as const satisfies Rows<Lease>;

export const workerTiers = {
  no: "durable",
  spec: "durable",
  capacity: "durable",
  lost: "durable",
  draining: "durable",
  succeeded: "durable",
  failed: "durable",
  leases: "durable",
  total: "derived",
  used: "derived",
  ahead: "derived",
  host: "derived",
  rack: "derived",
  workerClass: "derived",
  leasedBytes: "derived",
  session: "volatile",
  creditTasks: "volatile",
  creditBytes: "volatile",
  assignedThrough: "volatile",
  receivedThrough: "volatile",
  seenAt: "volatile",
  heardAt: "volatile",
  checkAt: "volatile",
} as const satisfies Rows<Worker>;

export const extraTiers = {
  deliveries: "durable",
  dropped: "durable",
  lastFailure: "durable",
  checkpoint: "durable",
  deadLetterId: "durable",
} as const satisfies Rows<TaskExtra>;

export const deliveryTiers = {
  generation: "durable",
  delivery: "durable",
  attempt: "durable",
  worker: "durable",
  level: "durable",
  grantedWall: "durable",
  endedWall: "durable",
  end: "durable",
  charge: "durable",
  failure: "durable",
} as const satisfies Rows<DeliveryRecord>;

/** The names of the fields that a snapshot has. */
export type DurableName<T> = {
  [K in keyof T]: T[K] extends "durable" ? K & string : never;
}[keyof T];

export function durableNames<T extends Readonly<Record<string, Tier>>>(
  tiers: T,
): readonly DurableName<T>[] {
  return Object.keys(tiers).filter((name) => tiers[name] === "durable") as DurableName<T>[];
}
