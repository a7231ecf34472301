import type {
  Command,
  FailureDraft,
  HeldLease,
  JobSpec,
  OutputDraft,
  RegisterWorker,
  Resource,
  State,
  SubmitJob,
  TaskDraft,
  TaskKind,
} from "../../core/index.js";
import { eventTasksMax } from "../../core/index.js";
import { tasksAddedBytesMax } from "./added-tasks.js";
import { tasksBytesMax } from "./task-rows.js";
import type { Blobs } from "./blobs.js";
import { encodeColdEvent } from "./cold-events.js";

type Worker = ReturnType<State["worker"]>;

/**
 * What commands can add to an entry, before they are decided: never less than what comes of them.
 * Of a few dozen bytes too much nothing follows, so numbers are taken at their largest.
 */

/** A number of 32 bits with its tag; one up to 2^53; a record's own tags and lengths. */
const u32 = 2 + 5;
const u53 = 2 + 8;
const recordBytes = 1 + 5 + 2 + 5;
/** An event of a few numbers. */
const smallEventBytes = recordBytes + 8 * u32;
/** `dl_` or `job_` and 26 characters. */
const idBytes = 2 + 30;
/** Messages that the core itself writes into a failure or a note. */
const ownWordsBytes = 160;
/** A delivery's end, its failure's numbers and its dead letter. */
const endBytes = recordBytes + 2 * u53 + 10 * u32 + idBytes + 3 * 6;
/** What a spec has beside its texts and stages: its own tag and length, the rule, the trace's, the ttl. */
const specNumbersBytes = 2 + 5 + 3 * u32 + 2 * u53;
/** A job's own event beside its texts, lists and tasks: three numbers, three counts, six headers. */
const submitNumbersBytes = recordBytes + 3 * u53 + 3 * 5 + 8 * (2 + 5);
/** A stage beside its texts, its dependencies and its kind. */
const stageNumbersBytes = 2 + 5 + 2 * u32;
/** A kind of task beside its texts and lists: three messages and the numbers of its policy. */
const kindNumbersBytes = 3 * (2 + 5) + 6 * u32 + 4 * u53;
/** One grant, as the first of its run. */
const grantBytes = recordBytes + u53 + 11 * u32;
/** One success without its lists, as the first of its run. */
const successBytes = recordBytes + 2 * u53 + 20 * u32;
/** Stages of a job, at the most. */
const stagesMax = 64;
/** Output partitions of a stage, at the most; and a task that reads one, with three hosts. */
const partitionsMax = 4_096;
const locatedTaskBytes = 2 + 5 + 5 * u32 + u53;
/** Leases of a worker, at the most; also those that it lists as held. */
const leasesMax = 4_096;
/** Of these, leases ahead of what fits. */
const aheadMax = 1_024;
/** A lease that ends well, without its outputs, or another end if it was cancelled. */
const completionBytes = successBytes + recordBytes + stagesMax * 5 + endBytes + 8 * aheadMax;

function textBytes(text: string): number {
  // A short text is not worth a call into native code: it is taken at its longest.
  return 2 + 5 + (text.length < 32 ? 3 * text.length : Buffer.byteLength(text, "utf8"));
}

/** Two texts in a message of their own. */
function pairBytes(name: string, value: string): number {
  return 2 + 5 + textBytes(name) + textBytes(value);
}

function resourceBytes(resources: readonly Resource[]): number {
  let bytes = 0;
  for (const { name } of resources) bytes += 2 + 3 + u53 + textBytes(name);
  return bytes;
}

/** An upper bound of an event `tasks_added`, without the tasks' bodies. */
export function weighTasks(tasks: readonly TaskDraft[]): number {
  return recordBytes + tasksAddedBytesMax + tasksBytesMax(tasks);
}

/** An upper bound of what outputs add to an event `task_succeeded`, without their bodies. */
export function weighOutputs(outputs: readonly OutputDraft[]): number {
  let bytes = 0;
  for (const { hosts } of outputs) {
    bytes += 3 * 5 + 8;
    for (const host of hosts) bytes += 5 + textBytes(host);
  }
  return bytes;
}

function failureBytes(failure: FailureDraft): number {
  return Math.max(textBytes(failure.type) + textBytes(failure.message), ownWordsBytes);
}

/** Leases that fit when others of their worker end. */
function promotedBytes(worker: Worker | undefined): number {
  return 8 * (worker === undefined ? aheadMax : worker.ahead.length);
}

/** All the leases of a worker end, each with a dead letter at worst. */
function endsBytes(worker: Worker | undefined): number {
  const leases = worker === undefined ? leasesMax : worker.leases.size;
  return leases * (endBytes + ownWordsBytes) + promotedBytes(worker);
}

function heldBytes(held: readonly HeldLease[]): number {
  let bytes = 0;
  for (const { demand } of held) bytes += smallEventBytes + u53 + resourceBytes(demand);
  return bytes;
}

function submitBytes({ spec, idempotencyKey, fingerprint, tasks }: SubmitJob): number {
  const words = textBytes(idempotencyKey) + textBytes(fingerprint);
  let bytes = submitNumbersBytes + idBytes + words + specBytes(spec);
  // The places of stages that are open, and of those for which tasks came, with their counts.
  bytes += 3 * spec.stages.length + 5 * tasks.length;
  for (const stage of tasks) bytes += tasksBytesMax(stage.tasks);
  return bytes;
}

/** Jobs that are alike share one spec, and come by the ten thousand. */
const knownSpecs = new WeakMap<JobSpec, number>();

function specBytes(spec: JobSpec): number {
  let bytes = knownSpecs.get(spec);
  if (bytes === undefined) {
    bytes = addUpSpec(spec);
    knownSpecs.set(spec, bytes);
  }
  return bytes;
}

function addUpSpec({ namespace, name, labels, trace, stages, source }: JobSpec): number {
  let bytes = specNumbersBytes + textBytes(namespace) + textBytes(name);
  if (source !== undefined) bytes += 2 + 5 + source.length;
  bytes += textBytes(trace.traceparent) + textBytes(trace.tracestate) + textBytes(trace.baggage);
  for (const label of labels) bytes += pairBytes(label.name, label.value);
  for (const stage of stages) {
    bytes += stageNumbersBytes + textBytes(stage.name) + kindBytes(stage.task);
    for (const dependency of stage.dependsOn) bytes += 2 + 3 + u32 + textBytes(dependency.stage);
  }
  return bytes;
}

function kindBytes({ type, demand, constraints, policy }: TaskKind): number {
  let bytes = kindNumbersBytes + textBytes(type) + resourceBytes(demand);
  for (const { label, value } of constraints) bytes += pairBytes(label, value);
  for (const failure of policy.retry.nonRetryable) bytes += textBytes(failure);
  return bytes;
}

function registerBytes({ spec, held }: RegisterWorker, state: State | undefined): number {
  const event = { type: "worker_registered", version: 1, worker: 2 ** 32 - 1, spec } as const;
  const bytes = recordBytes + encodeColdEvent(event).length + heldBytes(held);
  if (state === undefined) return bytes + smallEventBytes + endsBytes(undefined);
  const known = state.workerById.get(spec.workerId);
  // Those that move up do so in an event of their own.
  return known === undefined ? bytes : bytes + smallEventBytes + endsBytes(state.worker(known));
}

/**
 * An upper bound of what a command's events and blobs add to an entry.
 *
 * @param state where given, commands that end many leases are weighed by how many there are; else
 *   by the most that there can be, which is more than an entry takes
 */
export function weigh(command: Command, blobs: Blobs, state?: State): number {
  return eventBytes(command, state) + blobs.entryBytes;
}

function eventBytes(command: Command, state: State | undefined): number {
  switch (command.kind) {
    case "complete_lease": {
      // Not worth a look at its worker: this is the command of which there are the most.
      const outputs = command.outputs.length === 0 ? 0 : weighOutputs(command.outputs);
      return completionBytes + outputs;
    }
    case "fail_lease": {
      const worker = holderOf(state, command.token.lease);
      return endBytes + failureBytes(command.failure) + promotedBytes(worker);
    }
    case "return_lease":
      return endBytes + ownWordsBytes + promotedBytes(holderOf(state, command.token.lease));
    case "expire_lease":
    case "recall_lease":
    case "time_out_attempt":
      return endBytes + ownWordsBytes + promotedBytes(holderOf(state, command.lease));
    case "place":
      return grantBytes;
    case "submit_job":
      return submitBytes(command);
    case "append_tasks":
      return weighTasks(command.tasks);
    case "register_worker":
      return registerBytes(command, state);
    case "update_worker":
      // Leases that it can hold no more end with it, and others move up.
      return (
        2 * smallEventBytes +
        resourceBytes(command.capacity) +
        endsBytes(state?.worker(command.worker))
      );
    case "reconcile_held":
    case "lose_worker":
      return smallEventBytes + endsBytes(state?.worker(command.worker));
    case "release_tasks":
    case "retire_jobs":
    case "forget_keys":
      return smallEventBytes + eventTasksMax * 5;
    case "cancel_job":
      return smallEventBytes + textBytes(command.note);
    case "lapse_upload":
      return smallEventBytes + ownWordsBytes;
    case "advance_job":
      return smallEventBytes + locatedBytes(state, command.job);
    case "save_checkpoint":
      return smallEventBytes + 2 * u53;
    case "seal_job":
    case "drain_worker":
    case "sweep_job":
    case "retire_tasks":
      return smallEventBytes;
  }
}

/** A stage that opens says of its tasks where their data lies, at most once for each partition. */
function locatedBytes(state: State | undefined, no: number): number {
  if (state === undefined) return partitionsMax * locatedTaskBytes;
  const job = state.job(no);
  let partitions = 0;
  for (let i = 0; i < job.stageCount; i++) {
    partitions += state.stage(job.firstStage + i).partitionHosts?.size ?? 0;
  }
  return Math.min(partitions, partitionsMax) * locatedTaskBytes;
}

function holderOf(state: State | undefined, no: number): Worker | undefined {
  const lease = state?.leases.get(no);
  return lease === undefined ? undefined : state?.worker(lease.worker);
}
