import type { JobSpec } from "@capstan/proto/capstan/v1/job.js";
import type {
  GraphProblem,
  JobSpec as CoreJobSpec,
  StageSpec,
  StageTasks,
  SubmitJob,
} from "../../core/index.js";
import { checkCounts, checkGraph } from "../../core/index.js";
import type { Blobs } from "../../engine/engine-port.js";
import { InvalidInputError, LimitExceededError } from "../errors.js";
import { defaults, limits } from "../limits.js";
import { Bodies } from "./bodies.js";
import { Checker } from "./checker.js";
import type { EncodedTasks } from "./encoded-tasks.js";
import { Fingerprints } from "./fingerprint.js";
import type { JobPolicies } from "./job-policies.js";
import { decodeJobPolicies, encodeSource } from "./job-policies.js";
import type { JobHead, JobRequest } from "./encoded-items.js";
import { decodeOnTaskFailure } from "./policy.js";
import { decodeStage } from "./stages.js";
import { TaskDecoder } from "./tasks.js";
import { decodeTrace } from "./trace.js";
import { Weight } from "./weight.js";

/** A command and what it brings, ready for the engine. */
export interface Decoded<C> {
  readonly command: C;
  /** One for each task, in order, empty ones too. */
  readonly blobs: Blobs;
}

/** An object that many jobs share: nothing to sort, nothing to copy. */
const noLabels: CoreJobSpec["labels"] = [];

/** What a head came to; the same for all jobs that share it. */
interface KnownHead {
  readonly spec: CoreJobSpec;
  readonly policies: JobPolicies;
  /** Of the job without its tasks. */
  readonly weight: number;
}

/**
 * The last head that was found good, and what it came to: jobs that are alike come in a row, also in
 * requests of their own, and share what they have in common.
 */
export class LastHead {
  #head: JobHead | undefined;
  #namespace = "";
  #known: KnownHead | undefined;

  find(head: JobHead, namespace: string): KnownHead | undefined {
    return this.#head === head && this.#namespace === namespace ? this.#known : undefined;
  }

  keep(head: JobHead, namespace: string, known: KnownHead): void {
    this.#head = head;
    this.#namespace = namespace;
    this.#known = known;
  }
}

/** Decodes the jobs of one request. Of those that share a head it is checked, and kept, once. */
export class SubmitDecoder {
  /** Of all jobs of the request. */
  readonly namespace: string;
  readonly #fingerprints: Fingerprints;
  readonly #bodies: Bodies;
  readonly #lastHead: LastHead;
  // One for all jobs of the request, begun anew for each.
  readonly #envelope: Checker;
  readonly #checker: Checker;
  readonly #weight = new Weight();
  #tasks: TaskDecoder | undefined;
  #policiesOfTasks: JobPolicies | undefined;

  /**
   * @param namespace as the request says it, empty where it says none
   * @param bytes what the request took on the wire
   * @param lastHead what requests before it left
   */
  constructor(method: string, namespace: string, bytes: number, lastHead = new LastHead()) {
    this.#lastHead = lastHead;
    this.namespace = namespace === "" ? defaults.namespace : namespace;
    this.#fingerprints = new Fingerprints(this.namespace);
    this.#bodies = new Bodies(bytes);
    this.#envelope = new Checker(method, "");
    this.#checker = new Checker(method, "job");
  }

  /**
   * @throws InvalidInputError, LimitExceededError or UnsupportedError, with all that was found
   */
  decode(request: JobRequest): Decoded<SubmitJob> {
    const { idempotencyKey } = request;
    const head = this.#checkEnvelope(request);
    const checker = this.#checker;
    checker.begin();
    checkWholes(checker, head, request.tasks);
    const known = this.#headOf(checker, head);
    const { spec } = known;
    const weight = this.#weight;
    weight.begin(known.weight);
    const bodies = this.#bodies;
    bodies.begin();
    const decoder = this.#tasksOf(known);
    const tasks: StageTasks[] = [];
    for (let i = 0; i < spec.stages.length; i++) {
      const encoded = request.tasks[i] as EncodedTasks;
      if (encoded.count === 0) continue;
      checker.stage = i;
      tasks.push({ stage: i, tasks: decoder.decode(encoded, (spec.stages[i] as StageSpec).task) });
    }
    checker.stage = -1;
    checker.finish();
    checkStages(spec.stages, head.moreToUpload ? undefined : request.tasks);
    weight.check("job");
    this.#lastHead.keep(head, this.namespace, known);
    const fingerprint = idempotencyKey === "" ? "" : this.#fingerprints.of(head, request);
    const { moreToUpload } = head;
    return {
      command: { kind: "submit_job", spec, idempotencyKey, fingerprint, moreToUpload, tasks },
      blobs: bodies.finish(),
    };
  }

  #checkEnvelope({ idempotencyKey, head, jobBytes }: JobRequest): JobHead {
    const checker = this.#envelope;
    checker.begin();
    checker.namespace(".namespace", this.namespace);
    checker.text(".idempotency_key", idempotencyKey, limits.idempotencyKeyBytes);
    if (head === undefined) checker.fail(".job", "is missing");
    checker.finish();
    if (jobBytes > limits.submitBytes) {
      throw new LimitExceededError("job", limits.submitBytes, jobBytes, "bytes");
    }
    return head as JobHead;
  }

  #tasksOf({ policies }: KnownHead): TaskDecoder {
    if (this.#tasks === undefined || this.#policiesOfTasks !== policies) {
      const sink = { bodies: this.#bodies, weight: this.#weight };
      this.#tasks = new TaskDecoder(this.#checker, policies, sink);
      this.#policiesOfTasks = policies;
    }
    return this.#tasks;
  }

  #headOf(checker: Checker, head: JobHead): KnownHead {
    const known = this.#lastHead.find(head, this.namespace);
    if (known !== undefined) return known;
    const policies = decodeJobPolicies(checker, head.job);
    const spec = decodeSpec(checker, head, this.namespace, policies);
    const weight = new Weight();
    weight.addSpec(spec);
    return { spec, policies, weight: weight.bytes };
  }
}

function decodeSpec(
  checker: Checker,
  { job, traceContext }: JobHead,
  namespace: string,
  policies: JobPolicies,
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
function checkWholes(checker: Checker, { job }: JobHead, tasks: readonly EncodedTasks[]): void {
  const { stages } = job;
  if (stages.length === 0) checker.fail(".stages", "is empty; a job has at least one stage");
  checker.count(".stages", stages.length, limits.stages);
  checker.finishWholes();
  let count = 0;
  for (const ofStage of tasks) count += ofStage.count;
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

/** @param tasks of each stage; undefined: more are to come, and the seal will check */
function checkStages(
  stages: readonly StageSpec[],
  tasks: readonly EncodedTasks[] | undefined,
): void {
  const [only] = stages;
  const hasTasks = tasks === undefined || (tasks[0]?.count ?? 0) > 0;
  if (stages.length === 1 && only?.dependsOn.length === 0 && hasTasks) return;
  const problems = checkGraph(stages);
  if (problems.length > 0) throw graphError(stages, problems, "STAGE_GRAPH_INVALID");
  const counts = tasks?.map(({ count }) => count);
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
  const stage = stages[problems[0]?.stage ?? 0]?.name ?? "";
  return new InvalidInputError(violations, reason, { stage });
}
