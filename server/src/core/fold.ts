import { durableLease, durableWorker } from "./digest.js";
import type { JobSpec, TaskKind } from "./spec.js";
import type { Stage } from "./state/stages.js";
import type { State } from "./state/state.js";

/** Where a fold goes: whoever has a hash function makes a few bytes of it. */
export interface FoldSink {
  number(value: number): void;
  text(value: string): void;
}

/**
 * The digest of {@link digest} for states of millions of tasks: the same durable state in the same canonical
 * order, as a stream of numbers and texts instead of one great object. Two states fold to the same stream if
 * and only if they are in the same state; it says nothing of derived and volatile tiers.
 *
 * It walks the state by itself and not by what a snapshot is made of: what a snapshot forgets is missed here.
 * What it says is part of the format of snapshots: whoever changes it gives their contents a new version, and keeps
 * this for those that were written before.
 */
export function foldState(state: State, sink: FoldSink): void {
  foldNames(state, sink);
  const specs = new Contents<JobSpec>(sink);
  const kinds = new Contents<TaskKind>(sink);
  foldJobs(state, sink, specs);
  foldStages(state, sink);
  foldTasks(state, sink, kinds);
  sink.number(state.nextLease);
  for (const lease of state.leases.values()) sink.text(canonical(durableLease(lease)));
  for (const worker of state.workers) sink.text(canonical(durableWorker(worker)));
  for (const [task, extra] of sorted(state.extras)) {
    sink.number(task);
    sink.text(canonical(extra));
  }
  for (const [task, partitions] of sorted(state.outputPartitions)) {
    sink.number(task);
    for (const partition of partitions) sink.number(partition);
    sink.number(-1);
  }
}

/** The order of names is state: events speak of hosts by their numbers, leases of resources. */
function foldNames({ placement }: State, sink: FoldSink): void {
  for (const names of [placement.resources, placement.hosts, placement.racks]) {
    sink.number(names.size);
    for (let no = 0; no < names.size; no++) sink.text(names.name(no));
  }
  for (const rack of placement.rackOfHost) sink.number(rack);
}

function foldJobs({ jobs }: State, sink: FoldSink, specs: Contents<JobSpec>): void {
  sink.number(jobs.count);
  for (let no = 0; no < jobs.count; no++) {
    if (!jobs.isKept(no)) continue;
    const job = jobs.at(no);
    sink.number(no);
    for (const text of [job.id, job.idempotencyKey, job.fingerprint]) sink.text(text);
    sink.number(specs.number(job.spec));
    sink.number(job.submittedAt);
    sink.number(job.submittedWall);
    sink.number(job.firstStage);
    sink.number(job.stageCount);
    sink.text(job.state);
    sink.number(job.run);
    sink.number(job.uploadLapsesAt);
    sink.number(job.finishedAt);
    sink.number(job.finishedWall ?? 0);
    sink.number(jobs.retired.get(no));
  }
  for (const map of [jobs.sweep, jobs.cancelCause, jobs.note, jobs.failedTask, jobs.leaving]) {
    sink.number(map.size);
    for (const entry of sorted<unknown>(map)) sink.text(canonical(entry));
  }
}

function foldStages({ stages }: State, sink: FoldSink): void {
  sink.number(stages.count);
  for (const stage of stages) foldStage(stage, sink);
}

/** Its spec is its job's, at its position. */
function foldStage(stage: Stage, sink: FoldSink): void {
  sink.number(stage.no);
  sink.number(stage.job);
  sink.number(stage.position);
  sink.number(stage.opened ? 1 : 0);
  sink.number(stage.pruned ? 1 : 0);
  sink.number(stage.taskCount);
  for (const count of Object.values(stage.counts)) sink.number(count);
  sink.number(stage.retries);
  sink.number(stage.firstTask);
  const { segments, partitionHosts } = stage;
  if (segments !== undefined) sink.text(canonical(segments));
  if (partitionHosts !== undefined) sink.text(canonical(partitionHosts));
}

function foldTasks(state: State, sink: FoldSink, kinds: Contents<TaskKind>): void {
  const { tasks, placement, hostPool } = state;
  sink.number(tasks.count);
  sink.number(hostPool.size);
  for (const [slot, rows] of hostPool.gone.chunks()) {
    sink.number(slot);
    for (const row of rows) sink.number(row);
  }
  const columns = [
    ...[tasks.state, tasks.stage, tasks.index, tasks.generation, tasks.delivery, tasks.failures],
    ...[tasks.lost, tasks.oom, tasks.deliveries, tasks.body, tasks.bodyBytes, tasks.inputBytes],
    ...[tasks.recordCount, tasks.runAt, tasks.lease, tasks.settledDelivery],
    ...[tasks.settledOutcome, tasks.outputs, tasks.outputsCount, tasks.lastWorker],
    ...[tasks.lastLevel, tasks.grantedWall, tasks.endedWall, tasks.hostsAt, tasks.hostsCount],
  ];
  for (let task = 0; task < tasks.count; task++) {
    if (!tasks.has(task)) continue;
    sink.number(task);
    for (const column of columns) sink.number(column.get(task));
    sink.number(kinds.number(placement.bag(tasks.bag.get(task)).kind));
    const at = tasks.hostsAt.get(task);
    for (let i = 0; i < tasks.hostsCount.get(task); i++) sink.number(hostPool.get(at + i));
  }
}

/** Numbers for things that are many times the same, by what they say; said in full when first met. */
class Contents<T extends object> {
  readonly #sink: FoldSink;
  readonly #byObject = new Map<T, number>();
  readonly #byText = new Map<string, number>();
  #last: T | undefined;
  #lastNumber = 0;

  constructor(sink: FoldSink) {
    this.#sink = sink;
  }

  number(value: T): number {
    if (value !== this.#last) {
      this.#lastNumber = this.#byObject.get(value) ?? this.#meet(value);
      this.#last = value;
    }
    return this.#lastNumber;
  }

  #meet(value: T): number {
    const text = canonical(value);
    let number = this.#byText.get(text);
    if (number === undefined) {
      this.#byText.set(text, (number = this.#byText.size + 1));
      this.#sink.text(text);
    }
    this.#byObject.set(value, number);
    return number;
  }
}

function sorted<V>(map: ReadonlyMap<number, V>): (readonly [number, V])[] {
  return [...map].sort(([a], [b]) => a - b);
}

/** JSON that does not depend on the order in which an object got its fields. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => {
    if (one instanceof Map || one instanceof Set) return [...one] as unknown[];
    if (ArrayBuffer.isView(one)) return Array.from(one as Uint8Array);
    if (typeof one !== "object" || one === null || Array.isArray(one)) return one;
    return Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
