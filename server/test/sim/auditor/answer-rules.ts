import { JobState } from "@capstan/proto/capstan/v1/job.js";
import type { Job } from "@capstan/proto/capstan/v1/job.js";
import type * as wire from "@capstan/proto/capstan/v1/master_service.js";
import { decodeToken } from "../../../src/rpc/token.js";
import { refusedIn } from "../../rpc/support/edge.js";
import type { MethodName } from "../network/methods.js";
import { methods } from "../network/methods.js";
import type { Refusal, Reply } from "../network/reply.js";
import type { Auditor } from "./auditor.js";
import { ListRules } from "./list-rules.js";
import type { JobModel } from "./model.js";
import { countIn, isOver, keyOf } from "./model.js";
import { checkOutcome } from "./outcome-rules.js";
import type { Promises } from "./promises.js";

type Rule<Q, A> = (
  rules: AnswerRules,
  request: Q,
  answer: A | undefined,
  refusal: Refusal | undefined,
) => void;

type RequestOf<K extends MethodName> = Parameters<(typeof methods)[K]["request"]["encode"]>[0];
type AnswerOf<K extends MethodName> = ReturnType<(typeof methods)[K]["response"]["decode"]>;

// A method without its row does not compile. Messages of a stream come one by one.
const rules: { readonly [K in MethodName]: Rule<RequestOf<K>, AnswerOf<K>> } = {
  submitJob: submitted,
  submitJobs: submittedMany,
  appendTasks: appended,
  sealJob: sealed,
  cancelJob: cancelled,
  getJob: (at, { namespace, jobId }, answer, refusal) => {
    at.checkFound(namespace, jobId, refusal);
    if (answer?.job !== undefined) at.checkJob(answer.job);
  },
  getTask: (at, { namespace, taskId }, answer, refusal) => {
    const [jobId = "", stage = "", index = ""] = taskId.split("/");
    const job = at.auditor.model.jobById.get(jobId);
    const known = job?.stages.find(({ spec }) => spec.name === stage)?.tasks[Number(index)];
    // Of an upload that lapsed, some parts never came.
    if (refusal?.reason !== "TASK_NOT_FOUND" || known !== undefined) {
      at.checkFound(namespace, jobId, refusal);
    }
    const task = answer?.task;
    if (task === undefined) return;
    at.auditor.verdict.check(
      known !== undefined && task.deliveryCount <= known.deliveries,
      () => `${taskId} is shown in delivery ${task.deliveryCount}, which is not durable`,
    );
  },
  listJobs: (at, request, answer) => {
    if (answer === undefined) return;
    for (const job of answer.jobs) at.checkJob(job);
    at.lists.jobs(request, answer);
  },
  listTasks: (at, request, answer, refusal) => {
    at.checkFound(request.namespace, request.jobId, refusal);
    if (answer !== undefined) at.lists.tasks(request, answer);
  },
  heartbeat: (at, { workerId }, answer) => {
    for (const { token, outcome } of answer?.settlements ?? []) {
      checkOutcome(at.auditor, workerId, token, outcome);
    }
    for (const { tokens } of answer?.cancels ?? []) {
      at.auditor.gate("a heartbeat told of a lease that was taken away");
      for (const token of tokens) {
        const lease = at.auditor.model.leaseOf(decodeToken(token));
        const isOwn = lease?.worker.spec.workerId === workerId;
        at.auditor.verdict.check(
          lease === undefined || lease.end !== undefined || !isOwn,
          () => `${workerId} is told by its heartbeat that it lost a lease that is live`,
        );
      }
    }
  },
  reportFailure: (at, { namespace, token }, answer) => {
    if (answer === undefined) return;
    at.auditor.gate("a failure was reported beside its stream");
    const job = at.auditor.model.leaseOf(decodeToken(token))?.job;
    if (job !== undefined && job.namespace !== namespace) {
      // Whoever reports elsewhere is told nothing of it, but that the token is no more.
      const kind = answer.outcome?.outcome?.$case;
      at.auditor.verdict.check(
        kind === "stale" || (kind === "gone" && job.retired),
        () => `a failure reported in ${namespace}, of a task in ${job.namespace}, was told ${kind}`,
      );
      at.auditor.gate("a failure was reported in a foreign namespace");
      return;
    }
    checkOutcome(at.auditor, undefined, token, answer.outcome);
  },
  readOutputs: readOut,
  watchJob: (at, { namespace, jobId }, answer, refusal) => {
    at.checkFound(namespace, jobId, refusal);
    if (answer?.news?.$case !== "progress" || answer.news.value.job === undefined) return;
    at.checkJob(answer.news.value.job);
    const model = at.auditor.model.jobById.get(jobId);
    if (model !== undefined && isOver(model)) at.auditor.gate("a watch saw its job end");
  },
};

/** Checks each answer as it leaves the master against what the disk has at that moment. */
export class AnswerRules {
  readonly lists: ListRules;

  constructor(
    readonly auditor: Auditor,
    readonly promises: Promises,
    private readonly now: () => number,
  ) {
    this.lists = new ListRules(auditor);
  }

  /** A request is handed to its handler. */
  arrives(speaker: string, name: MethodName, request: unknown): void {
    const { auditor } = this;
    if (name === "heartbeat") {
      const { workerId, incarnation, tokens } = request as wire.HeartbeatRequest;
      // One of another process is refused, and says nothing of the one that is there.
      const known = auditor.model.workerById(workerId)?.spec.incarnation;
      if (known === incarnation) auditor.terms.hear(workerId, this.now());
      for (const bytes of tokens) {
        const lease = auditor.model.leaseOf(decodeToken(bytes));
        if (lease?.worker.spec.workerId !== workerId) continue;
        auditor.terms.renew(lease.token.lease, this.now());
      }
    } else if (name === "reportFailure") {
      const { namespace, token, failure } = request as wire.ReportFailureRequest;
      const lease = auditor.model.leaseOf(decodeToken(token));
      if (lease?.job?.namespace !== namespace) return;
      const retryable = failure?.retryable ?? true;
      auditor.say(lease.token.lease, { kind: "failed", workerId: undefined, retryable });
    } else if (name === "listJobs") {
      this.lists.askedForJobs(request as wire.ListJobsRequest);
    } else if (name === "listTasks") {
      this.lists.askedForTasks(request as wire.ListTasksRequest);
    }
    void speaker;
  }

  /** An answer leaves. */
  leaves(name: MethodName, request: unknown, reply: Reply): void {
    const rule = rules[name] as Rule<unknown, unknown>;
    if (reply.ok) rule(this, request, methods[name].response.decode(reply.bytes), undefined);
    else this.#refused(name, request, reply);
  }

  /** One message of an answer that is a stream leaves. */
  streams(name: MethodName, request: unknown, answer: unknown): void {
    const rule = rules[name] as Rule<unknown, unknown>;
    rule(this, request, answer, undefined);
  }

  #refused(name: MethodName, request: unknown, refusal: Refusal): void {
    const { code, reason } = refusal;
    this.auditor.verdict.check(
      code !== "INTERNAL" && code !== "UNKNOWN" && code !== "DATA_LOSS",
      () => `${name} is answered ${code} ${reason}`,
    );
    if (reason === "DISK_FULL") this.auditor.gate("new work was refused while the disk was full");
    (rules[name] as Rule<unknown, unknown>)(this, request, undefined, refusal);
  }

  /** Who knows a job's id was told it, so that it is there for as long as it has not left. */
  checkFound(namespace: string, id: string, refusal: Refusal | undefined): void {
    if (refusal?.reason !== "JOB_NOT_FOUND" && refusal?.reason !== "TASK_NOT_FOUND") return;
    const job = this.auditor.model.jobById.get(id);
    this.auditor.verdict.check(
      job === undefined || job.retired || job.namespace !== namespace,
      () => `job ${id}, which is durable, is not found`,
    );
  }

  /** What is shown of a job must be durable. It may be a little older than that. */
  checkJob(shown: Job): void {
    const { verdict, model } = this.auditor;
    const job = model.jobById.get(shown.jobId);
    if (job === undefined) return verdict.fail(`job ${shown.jobId} is shown and is not durable`);
    const state = stateOf(shown.state);
    const isEnd = state === "succeeded" || state === "failed" || state === "cancelled";
    verdict.check(
      !isEnd || job.state === state,
      () => `job ${job.id} is shown as ${state}, and is durable as ${job.state}`,
    );
    verdict.check(
      state !== "running" || job.state !== "uploading",
      () => `job ${job.id} is shown as running, and its seal is not durable`,
    );
    const { counts } = shown;
    if (counts === undefined) return;
    const { total, succeeded, failed } = counts;
    const { blocked, scheduled, pending, leased, running, cancelled } = counts;
    const sum = blocked + scheduled + pending + leased + running + succeeded + failed + cancelled;
    verdict.check(sum === total, () => `job ${job.id} has ${total} tasks, and ${sum} by state`);
    const durable = (what: "succeeded" | "failed") =>
      job.stages.reduce((count, stage) => count + countIn(stage, what), 0);
    verdict.check(
      succeeded <= durable("succeeded") && failed <= durable("failed"),
      () =>
        `job ${job.id} is shown with ${succeeded} succeeded and ${failed} failed tasks too soon`,
    );
  }

  /** A job's id is given out for a name and a key. */
  checkSubmitted(
    namespace: string,
    key: string,
    name: string,
    answer: wire.SubmitJobResponse,
    isUpload: boolean,
  ): void {
    const { auditor, promises } = this;
    const { verdict, model } = auditor;
    const job = model.jobById.get(answer.jobId);
    if (job === undefined) {
      return verdict.fail(`job ${answer.jobId} (${name}) was acknowledged and is not durable`);
    }
    promises.acknowledged.add(job.id);
    verdict.check(
      job.key === key && job.namespace === namespace && job.spec.name === name,
      () =>
        `a submit of ${name} under ${key} was answered with ${job.id}, which is ${job.spec.name}`,
    );
    if (answer.existing) auditor.gate("a submit found the job of its key");
    else {
      verdict.check(promises.tellNew(job.id), () => `job ${job.id} was told to be new twice`);
    }
    if (isUpload) return;
    for (const stage of job.stages) {
      const wanted = promises.tasksOf(name, stage.spec.name);
      verdict.check(
        stage.tasks.length === wanted,
        () => `stage ${stage.spec.name} of ${job.id} has ${stage.tasks.length} tasks of ${wanted}`,
      );
    }
  }

  checkConflict(namespace: string, key: string, name: string, reason: string): void {
    if (reason !== "IDEMPOTENCY_CONFLICT") return;
    const { auditor, promises } = this;
    auditor.gate("a submit of other content under a key was refused");
    const job = auditor.model.jobByKey.get(keyOf(namespace, key));
    // A key that was forgotten since may have been another job's then.
    const wasForgotten = (promises.names.get(keyOf(namespace, key))?.size ?? 0) > 1 && !job;
    auditor.verdict.check(
      wasForgotten ? auditor.hasForgotten : job !== undefined && job.spec.name !== name,
      () => `a submit of ${name} under ${key} was refused, and no other job has that key durably`,
    );
  }

  jobOf(namespace: string, id: string): JobModel | undefined {
    const job = this.auditor.model.jobById.get(id);
    return job?.namespace === namespace ? job : undefined;
  }
}

function stateOf(state: JobState): string {
  return (JobState[state] ?? "").replace("JOB_STATE_", "").toLowerCase();
}

function submitted(
  at: AnswerRules,
  request: wire.SubmitJobRequest,
  answer: wire.SubmitJobResponse | undefined,
  refusal: Refusal | undefined,
): void {
  const { namespace, idempotencyKey: key, moreToUpload } = request;
  const name = request.job?.name ?? "";
  if (answer !== undefined) at.checkSubmitted(namespace, key, name, answer, moreToUpload);
  else at.checkConflict(namespace, key, name, refusal?.reason ?? "");
}

function submittedMany(
  at: AnswerRules,
  { namespace, items }: wire.SubmitJobsRequest,
  answer: wire.SubmitJobsResponse | undefined,
): void {
  if (answer === undefined) return;
  at.auditor.verdict.check(
    answer.results.length === items.length,
    () => `${items.length} jobs were submitted, and ${answer.results.length} answered`,
  );
  for (const [i, item] of items.entries()) {
    const result = answer.results[i]?.result;
    const { idempotencyKey: key, moreToUpload } = item;
    const name = item.job?.name ?? "";
    if (result?.$case === "job") {
      at.checkSubmitted(namespace, key, name, result.value, moreToUpload);
    } else if (result?.$case === "error") {
      at.checkConflict(namespace, key, name, refusedIn(result.value).reason);
    }
  }
}

function appended(
  at: AnswerRules,
  { namespace, jobId, stage: name, firstIndex, tasks }: wire.AppendTasksRequest,
  answer: wire.AppendTasksResponse | undefined,
  refusal: Refusal | undefined,
): void {
  const { verdict } = at.auditor;
  at.checkFound(namespace, jobId, refusal);
  const job = at.jobOf(namespace, jobId);
  const durable = job?.stages.find(({ spec }) => spec.name === name)?.tasks.length ?? 0;
  if (answer !== undefined) {
    const end = firstIndex + tasks.length;
    verdict.check(
      answer.nextIndex >= end && answer.nextIndex <= durable,
      () =>
        `tasks up to ${end} of ${jobId} were taken up to ${answer.nextIndex}, durable ${durable}`,
    );
    if (answer.nextIndex > end)
      at.auditor.gate("a part of an upload came twice and changed nothing");
  } else if (refusal?.reason === "UPLOAD_GAP") {
    at.auditor.gate("an upload had a gap and was refused");
    const next = Number(refusal.facts["next_index"]);
    verdict.check(
      next <= durable && next !== firstIndex,
      () => `an upload of ${jobId} is to go on at ${next}, and ${durable} tasks are durable`,
    );
  }
}

function sealed(
  at: AnswerRules,
  { namespace, jobId }: wire.SealJobRequest,
  answer: wire.SealJobResponse | undefined,
  refusal: Refusal | undefined,
): void {
  at.checkFound(namespace, jobId, refusal);
  if (answer === undefined) return;
  at.auditor.gate("an upload was sealed");
  const job = at.jobOf(namespace, jobId);
  at.auditor.verdict.check(
    job !== undefined && job.state !== "uploading",
    () => `job ${jobId} was told to be sealed, and is durable as ${job?.state}`,
  );
}

function cancelled(
  at: AnswerRules,
  { namespace, jobId }: wire.CancelJobRequest,
  answer: wire.CancelJobResponse | undefined,
  refusal: Refusal | undefined,
): void {
  at.checkFound(namespace, jobId, refusal);
  if (answer === undefined) return;
  const job = at.jobOf(namespace, jobId);
  at.auditor.verdict.check(
    job !== undefined && (job.state === "cancelling" || isOver(job)),
    () => `job ${jobId} was told to be cancelled, and is durable as ${job?.state}`,
  );
  const state = stateOf(answer.state);
  if (state === "succeeded" || state === "failed") at.auditor.gate("a cancel came too late");
}

function readOut(
  at: AnswerRules,
  { namespace, jobId, stage: name }: wire.ReadOutputsRequest,
  answer: wire.ReadOutputsResponse | undefined,
  refusal: Refusal | undefined,
): void {
  at.checkFound(namespace, jobId, refusal);
  if (answer === undefined) return;
  const { verdict } = at.auditor;
  const stage = at.jobOf(namespace, jobId)?.stages.find(({ spec }) => spec.name === name);
  for (const { taskIndex, output } of answer.outputs) {
    const task = stage?.tasks[taskIndex];
    const value = output?.value;
    if (task === undefined || task.state !== "succeeded") {
      verdict.fail(`${jobId}/${name}/${taskIndex} has outputs, and no durable success`);
      continue;
    }
    at.auditor.gate("outputs were read");
    const text =
      value?.$case === "inline" ? value.value.toString("latin1") : (value?.value.uri ?? "");
    const { settled } = task;
    const wanted = `${settled?.token.lease}#${output?.partition ?? 0}`;
    // A liar that was given a task may end it with whatever it likes.
    const isLie = settled?.worker.spec.workerId.startsWith("liar-") === true && text === "xxx";
    verdict.check(
      isLie || text.startsWith(wanted),
      () => `${jobId}/${name}/${taskIndex} has the output ${text}, its worker sent ${wanted}`,
    );
  }
}
