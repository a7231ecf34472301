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
import { decodeJobPolicies, encodeSource } from "./job-policies.js";
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
): Decoded<SubmitJob> {
  const { job, idempotencyKey, moreToUpload } = request;
  const checker = new Checker(method, "job");
  const envelope = new Checker(method, "");
  const namespace = envelope.namespace(".namespace", request.namespace);
  envelope.text(".idempotency_key", idempotencyKey, limits.idempotencyKeyBytes);
  if (job === undefined) envelope.fail(".job", "is missing");
  envelope.finish();
  if (bytes > limits.submitBytes) {
    throw new LimitExceededError("job", limits.submitBytes, bytes, "bytes");
  }
  const { spec, tasks, blobs } = decodeJob(checker, job as JobSpec, namespace, request);
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
  { traceContext, moreToUpload }: SubmitJobRequest,
): DecodedJob {
  checkWholes(checker, job);
  checker.name(".name", job.name);
  checkLater(checker, job);
  const policies = decodeJobPolicies(checker, job);
  const weight = new Weight(1_024);
  const blobs: Uint8Array[] = [];
  const tasks: StageTasks[] = [];
  const decoder = new TaskDecoder(checker, policies, { blobs, weight });
  const stages = job.stages.map((message, i) => {
    checker.stage = i;
    const stage = decodeStage(checker, message, policies);
    weight.addKind(stage.task);
    if (message.tasks.length > 0) {
      tasks.push({ stage: i, tasks: decoder.decode(message.tasks, stage.task) });
    }
    return stage;
  });
  checker.stage = -1;
  const spec = specOf(checker, job, namespace, stages, decodeTrace(traceContext));
  checker.finish();
  checkStages(stages, moreToUpload ? undefined : job.stages.map((stage) => stage.tasks.length));
  checkWeight(spec, weight);
  return { spec, tasks, blobs };
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

function checkWeight(spec: CoreJobSpec, weight: Weight): void {
  const { traceparent, tracestate, baggage } = spec.trace;
  weight.bytes += traceparent.length + tracestate.length + baggage.length;
  weight.bytes += spec.source?.length ?? 0;
  for (const { name, value } of spec.labels) {
    weight.addText(name);
    weight.bytes += Buffer.byteLength(value);
  }
  for (const { name, dependsOn } of spec.stages) {
    weight.addText(name);
    for (const { stage } of dependsOn) weight.addText(stage);
  }
  weight.check("job");
}
