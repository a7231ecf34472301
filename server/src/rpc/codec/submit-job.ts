import type { JobSpec } from "@capstan/proto/capstan/v1/job.js";
import type { SubmitJobRequest } from "@capstan/proto/capstan/v1/master_service.js";
import type {
  GraphProblem,
  JobSpec as CoreJobSpec,
  StageSpec,
  StageTasks,
  SubmitJob,
} from "../../core/index.js";
import { checkCounts, checkGraph } from "../../core/index.js";
import { InvalidInputError, LimitExceededError } from "../errors.js";
import { defaults, limits } from "../limits.js";
import { Checker } from "./checker.js";
import { fingerprintOf } from "./fingerprint.js";
import type { JobPolicies } from "./job-policies.js";
import { decodeJobPolicies, encodeSource, saysNothing } from "./job-policies.js";
import { decodeOnTaskFailure } from "./policy.js";
import { decodeStage } from "./stages.js";
import { TaskDecoder } from "./tasks.js";
import { decodeTrace } from "./trace.js";
import { Weight } from "./weight.js";

/** A command and what it brings, ready for the engine. */
export interface Decoded<C> {
  readonly command: C;
  /** One for each task, in order, empty ones too. */
  readonly blobs: readonly Uint8Array[];
}

/**
 * Specs of one bulk call by what they say. Whoever submits many small jobs submits many that are
 * alike: those share one spec, which is checked, kept and written to the journal once.
 */
export type SharedSpecs = Map<string, CoreJobSpec>;

/** An object that many jobs share: nothing to sort, nothing to copy. */
const noLabels: CoreJobSpec["labels"] = [];

/**
 * Decodes a submit.
 *
 * @param bytes what the request took on the wire
 * @throws InvalidInputError, LimitExceededError or UnsupportedError, with all that was found
 */
export function decodeSubmitJob(
  method: string,
  request: SubmitJobRequest,
  bytes: number,
  shared?: SharedSpecs,
): Decoded<SubmitJob> {
  const { job, idempotencyKey, moreToUpload } = request;
  const envelope = new Checker(method, "");
  const namespace = envelope.namespace(".namespace", request.namespace);
  envelope.text(".idempotency_key", idempotencyKey, limits.idempotencyKeyBytes);
  if (job === undefined) envelope.fail(".job", "is missing");
  envelope.finish();
  if (bytes > limits.submitBytes) {
    throw new LimitExceededError("job", limits.submitBytes, bytes, "bytes");
  }
  const checker = new Checker(method, "job");
  const { spec, tasks, blobs } = decodeJob(checker, job as JobSpec, namespace, request, shared);
  return {
    command: {
      kind: "submit_job",
      spec,
      idempotencyKey,
      fingerprint: idempotencyKey === "" ? "" : fingerprintOf(request, namespace),
      moreToUpload,
      tasks,
    },
    blobs,
  };
}

interface DecodedJob {
  readonly spec: CoreJobSpec;
  readonly tasks: readonly StageTasks[];
  readonly blobs: readonly Uint8Array[];
}

function decodeJob(
  checker: Checker,
  job: JobSpec,
  namespace: string,
  request: SubmitJobRequest,
  shared: SharedSpecs | undefined,
): DecodedJob {
  checkWholes(checker, job);
  const policies = decodeJobPolicies(checker, job);
  const key = shared === undefined ? undefined : sharedKeyOf(job, request);
  const known = key === undefined ? undefined : shared?.get(key);
  const spec = known ?? decodeSpec(checker, job, namespace, policies, request);
  const weight = new Weight();
  weight.addSpec(spec);
  const blobs: Uint8Array[] = [];
  const decoder = new TaskDecoder(checker, policies, { blobs, weight });
  const tasks: StageTasks[] = [];
  for (let i = 0; i < spec.stages.length; i++) {
    const messages = job.stages[i]?.tasks ?? [];
    if (messages.length === 0) continue;
    checker.stage = i;
    tasks.push({ stage: i, tasks: decoder.decode(messages, (spec.stages[i] as StageSpec).task) });
  }
  checker.stage = -1;
  checker.finish();
  const counts = job.stages.map((stage) => stage.tasks.length);
  checkStages(spec.stages, request.moreToUpload ? undefined : counts);
  weight.check("job");
  if (key !== undefined) shared?.set(key, spec);
  return { spec, tasks, blobs };
}

/** @returns undefined for a job that says more than the commonest ones do */
function sharedKeyOf(job: JobSpec, { traceContext }: SubmitJobRequest): string | undefined {
  const [stage] = job.stages;
  const isPlain =
    stage !== undefined &&
    job.stages.length === 1 &&
    traceContext === undefined &&
    saysNothing(job) &&
    job.priority === 0 &&
    job.open === undefined &&
    Object.keys(job.labels).length === 0 &&
    stage.dependsOn.length === 0 &&
    stage.demand.length === 0 &&
    stage.constraints === undefined &&
    stage.partitions === undefined;
  return isPlain ? `${job.name}\0${stage.name}\0${stage.taskType}` : undefined;
}

function decodeSpec(
  checker: Checker,
  job: JobSpec,
  namespace: string,
  policies: JobPolicies,
  { traceContext }: SubmitJobRequest,
): CoreJobSpec {
  checker.name(".name", job.name);
  checkLater(checker, job);
  const stages = job.stages.map((message, i) => {
    checker.stage = i;
    return decodeStage(checker, message, policies);
  });
  checker.stage = -1;
  return specOf(checker, job, namespace, stages, decodeTrace(traceContext));
}

/** Sizes that make the rest not worth looking at. */
function checkWholes(checker: Checker, job: JobSpec): void {
  const { stages } = job;
  if (stages.length === 0) checker.fail(".stages", "is empty; a job has at least one stage");
  checker.count(".stages", stages.length, limits.stages);
  checker.violations.throwIfAny();
  let count = 0;
  for (const stage of stages) count += stage.tasks.length;
  if (count > limits.submitTasks) {
    throw new LimitExceededError("job.stages", limits.submitTasks, count, "tasks");
  }
}

/** Fields of which only "none" is there yet. */
function checkLater(checker: Checker, job: JobSpec): void {
  checker.range(".priority", job.priority, -limits.priority, limits.priority);
  if (job.priority !== 0) checker.unsupported(".priority", "priority");
  if (checker.optionalLimit(".deadline_ms", job.deadlineMs, limits.jobDeadlineMsMin, 0) > 0) {
    checker.unsupported(".deadline_ms", "jobDeadline");
  }
  if (job.open !== undefined) checker.unsupported(".open", "openJobs");
  if (job.retentionMs !== undefined && job.retentionMs > BigInt(limits.retentionMs)) {
    checker.fail(".retention_ms", `is ${job.retentionMs}; must be 0 to ${limits.retentionMs}`);
  }
}

function specOf(
  checker: Checker,
  job: JobSpec,
  namespace: string,
  stages: readonly StageSpec[],
  trace: CoreJobSpec["trace"],
): CoreJobSpec {
  const spec: CoreJobSpec = {
    namespace,
    name: job.name,
    labels: decodeLabels(checker, ".labels", job.labels),
    onTaskFailure: decodeOnTaskFailure(checker, ".on_task_failure", job.onTaskFailure),
    trace,
    uploadTtlMs: checker.optional(
      ".upload_ttl_ms",
      job.uploadTtlMs,
      limits.uploadTtlMsMin,
      limits.uploadTtlMs,
      defaults.uploadTtlMs,
    ),
    stages,
  };
  const source = encodeSource(job);
  return source === undefined ? spec : { ...spec, source };
}

/** Labels by name. Not of workers: those come in another message. */
export function decodeLabels(
  checker: Checker,
  field: string,
  labels: Readonly<Record<string, string>>,
): CoreJobSpec["labels"] {
  const entries = Object.entries(labels);
  if (entries.length === 0 || !checker.count(field, entries.length, limits.labels)) return noLabels;
  return entries
    .map(([name, value]) => {
      const place = `${field}[${JSON.stringify(name)}]`;
      checker.name(place, name);
      checker.text(place, value, limits.labelValueBytes);
      return { name, value };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** @param counts tasks of each stage; undefined: more are to come, and the seal will check */
function checkStages(stages: readonly StageSpec[], counts: readonly number[] | undefined): void {
  const [only] = stages;
  if (stages.length === 1 && only?.dependsOn.length === 0) return;
  const problems = checkGraph(stages);
  if (problems.length > 0) throw graphError(stages, problems, "STAGE_GRAPH_INVALID");
  const differences = counts === undefined ? [] : checkCounts(stages, counts);
  if (differences.length > 0) throw graphError(stages, differences, "STAGE_COUNTS_DIFFER");
}

function graphError(
  stages: readonly StageSpec[],
  problems: readonly GraphProblem[],
  reason: "STAGE_GRAPH_INVALID" | "STAGE_COUNTS_DIFFER",
): InvalidInputError {
  const violations = problems.map(({ field, description }) => ({
    field: `job.${field}`,
    description,
  }));
  const position = /^stages\[(\d+)\]/.exec(problems[0]?.field ?? "")?.[1];
  const stage = stages[Number(position ?? 0)]?.name ?? "";
  return new InvalidInputError(violations, reason, { stage });
}
