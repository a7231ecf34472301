import type { EventOf, OnTaskFailure, Stamp } from "../../../src/core/index.js";
import type { AuditContext } from "./context.js";
import type { JobModel, StageModel, TaskModel } from "./model.js";
import { boundOf, countIn, isOver, keyOf } from "./model.js";

/** What the auditor makes of the events of jobs. */

export function jobSubmitted(at: AuditContext, event: EventOf<"job_submitted">, stamp: Stamp) {
  const { model, verdict } = at;
  const { spec, idempotencyKey: key } = event;
  verdict.check(event.job === model.jobs.length, () => `job ${event.job} is out of turn`);
  verdict.check(!model.jobById.has(event.id), () => `two jobs have the id ${event.id}`);
  const job: JobModel = {
    no: event.job,
    id: event.id,
    namespace: spec.namespace,
    key,
    spec,
    stages: [],
    state: event.uploading ? "uploading" : "running",
    lapsed: false,
    finishedAt: 0,
    retired: false,
  };
  model.jobs.push(job);
  model.jobById.set(job.id, job);
  if (key !== "") {
    const name = keyOf(spec.namespace, key);
    const other = model.jobByKey.get(name);
    verdict.check(
      other === undefined,
      () => `key ${key} made two jobs while it is kept: ${other?.id} and ${job.id}`,
    );
    model.jobByKey.set(name, job);
  }
  for (const stageSpec of spec.stages) {
    const stage: StageModel = { no: model.stages.length, job, spec: stageSpec, tasks: [] };
    model.stages.push(stage);
    job.stages.push(stage);
  }
  for (const { stage, tasks } of event.tasks) {
    for (const draft of tasks) addTask(at, job.stages[stage] as StageModel, draft, stamp);
  }
}

export function tasksAdded(at: AuditContext, event: EventOf<"tasks_added">, stamp: Stamp) {
  const stage = at.model.stages[event.stage] as StageModel;
  at.verdict.check(
    stage.job.state === "uploading",
    () => `tasks were added to job ${stage.job.id}, which is ${stage.job.state}`,
  );
  at.verdict.check(
    event.firstIndex === stage.tasks.length,
    () => `an upload of ${stage.job.id} has a gap: ${event.firstIndex} of ${stage.tasks.length}`,
  );
  for (const draft of event.tasks) addTask(at, stage, draft, stamp);
}

function addTask(
  { model }: AuditContext,
  stage: StageModel,
  draft: EventOf<"tasks_added">["tasks"][number],
  stamp: Stamp,
) {
  const task: TaskModel = {
    no: model.tasks.length,
    stage,
    index: stage.tasks.length,
    kind: draft.kind ?? stage.spec.task,
    state: "open",
    runAt: draft.delayMs > 0 ? stamp.now + draft.delayMs : 0,
    deliveries: 0,
    failures: 0,
    lost: 0,
    oom: 0,
    lease: undefined,
    settled: undefined,
    deadLetterId: "",
  };
  model.tasks.push(task);
  stage.tasks.push(task);
}

export function jobSealed(at: AuditContext, event: EventOf<"job_sealed">) {
  const job = jobOf(at, event.job);
  at.verdict.check(
    job.state === "uploading",
    () => `job ${job.id} was sealed while it is ${job.state}`,
  );
  job.state = "running";
}

export function jobCancelStarted(at: AuditContext, event: EventOf<"job_cancel_started">) {
  const job = jobOf(at, event.job);
  at.verdict.check(!isOver(job), () => `job ${job.id} was cancelled when it was ${job.state}`);
  const hasLeases = job.stages.some((stage) => stage.tasks.some(({ lease }) => lease));
  if (hasLeases) at.gate("a job was cancelled while its tasks were leased");
  if (event.cause === "upload_lapsed") {
    job.lapsed = true;
    at.gate("an upload lapsed");
  }
  job.state = "cancelling";
}

export function jobFailing(at: AuditContext, event: EventOf<"job_failing">) {
  const job = jobOf(at, event.job);
  at.verdict.check(
    job.state === "running",
    () => `job ${job.id} began to fail when it was ${job.state}`,
  );
  const { onTaskFailure: rule } = job.spec;
  at.verdict.check(
    job.stages.some((stage) => !isWellEnough(stage, rule)),
    () => `job ${job.id} began to fail and no stage of it had failed`,
  );
  if (rule.kind === "fail_fast") at.gate("a job failed fast");
  job.state = "failing";
}

/** Of a stage that has ended or not: has it lost no more than it may? */
function isWellEnough(stage: StageModel, rule: OnTaskFailure): boolean {
  const isTolerant = rule.kind === "tolerate_count" || rule.kind === "tolerate_share";
  if (countIn(stage, "failed") > boundOf(rule, stage.tasks.length)) return false;
  return isTolerant || countIn(stage, "cancelled") === 0;
}

export function tasksCancelled(at: AuditContext, event: EventOf<"tasks_cancelled">) {
  const stage = at.model.stages[event.stage] as StageModel;
  const { job } = stage;
  const wanted = { all: "cancelling", unleased: "failing", blocked: "running" }[event.scope];
  at.verdict.check(
    job.state === wanted,
    () => `tasks of ${job.id} were cancelled (${event.scope}) while it is ${job.state}`,
  );
  for (const task of stage.tasks.slice(event.fromIndex, event.toIndex)) {
    if (task.state === "leased" && event.scope === "all") {
      const { lease } = task;
      if (lease !== undefined) {
        lease.end = event;
        at.stop(lease);
      }
      task.lease = undefined;
      task.state = "cancelled";
    } else if (task.state === "open" && mayCancel(task, event.scope)) {
      task.state = "cancelled";
    }
  }
}

/** Of an EACH stage only what waits for a counterpart that did not succeed. */
function mayCancel(task: TaskModel, scope: EventOf<"tasks_cancelled">["scope"]): boolean {
  return scope !== "blocked" || isBlocked(task);
}

/** Does the task wait for a counterpart upstream? */
export function isBlocked({ stage, index }: TaskModel): boolean {
  return stage.spec.dependsOn.some(({ stage: name, kind }) => {
    if (kind !== "each") return false;
    const upstream = stage.job.stages.find((other) => other.spec.name === name);
    return upstream?.tasks[index]?.state !== "succeeded";
  });
}

/** Why a task may not start yet, if it may not. */
export function unmet(task: TaskModel): string | undefined {
  const { stage } = task;
  const { onTaskFailure: rule } = stage.job.spec;
  for (const { stage: name, kind } of stage.spec.dependsOn) {
    const upstream = stage.job.stages.find((other) => other.spec.name === name);
    if (upstream === undefined) return `there is no stage ${name}`;
    if (kind === "each") {
      if (upstream.tasks[task.index]?.state !== "succeeded") return `${name}/${task.index}`;
      continue;
    }
    const open = countIn(upstream, "open") + countIn(upstream, "leased");
    if (open > 0) return `${open} tasks of stage ${name} are open`;
    if (!isWellEnough(upstream, rule)) return `stage ${name} has failed`;
  }
  return undefined;
}

export function jobFinished(at: AuditContext, event: EventOf<"job_finished">, stamp: Stamp) {
  const { verdict } = at;
  const job = jobOf(at, event.job);
  const { onTaskFailure: rule } = job.spec;
  verdict.check(!isOver(job), () => `job ${job.id} ended twice`);
  for (const stage of job.stages) {
    const open = countIn(stage, "open") + countIn(stage, "leased");
    verdict.check(
      open === 0,
      () => `job ${job.id} ended as ${event.state} with ${open} open tasks in ${stage.spec.name}`,
    );
  }
  const wanted =
    job.state === "cancelling" ? "cancelled" : job.state === "failing" ? "failed" : "succeeded";
  verdict.check(
    event.state === wanted,
    () => `job ${job.id} was ${job.state} and ended as ${event.state}`,
  );
  if (event.state === "succeeded") {
    for (const stage of job.stages) {
      verdict.check(
        isWellEnough(stage, rule),
        () => `job ${job.id} succeeded, and its stage ${stage.spec.name} had failed`,
      );
      if (countIn(stage, "failed") > 0)
        at.gate("a job succeeded with dead tasks that it tolerates");
    }
    if (job.stages.length > 1) at.gate("a job of several stages succeeded");
  }
  job.state = event.state;
  job.finishedAt = stamp.now;
}

export function jobsRetired(at: AuditContext, event: EventOf<"jobs_retired">) {
  for (const no of [...event.jobs, ...event.leaving]) {
    const job = jobOf(at, no);
    at.verdict.check(isOver(job), () => `job ${job.id} left while it is ${job.state}`);
    at.verdict.check(!job.retired, () => `job ${job.id} left twice`);
    const isHeld = [...at.model.workers].some(({ leases }) =>
      [...leases].some((lease) => lease.job === job),
    );
    at.verdict.check(!isHeld, () => `job ${job.id} left while a worker holds something of it`);
    job.retired = true;
    at.gate("a job left the core");
  }
}

export function keysForgotten(at: AuditContext, event: EventOf<"keys_forgotten">) {
  for (const no of event.jobs) {
    const job = jobOf(at, no);
    at.verdict.check(job.retired, () => `the key of ${job.id} was forgotten before it left`);
    const name = keyOf(job.namespace, job.key);
    if (at.model.jobByKey.get(name) === job) at.model.jobByKey.delete(name);
    at.gate("a key was forgotten");
  }
}

function jobOf({ model }: AuditContext, no: number): JobModel {
  return model.jobs[no] as JobModel;
}
