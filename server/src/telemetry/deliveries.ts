import type { Context, Span, SpanContext, Tracer } from "@opentelemetry/api";
import { context, isSpanContextValid, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { CoreEvent, EventOf, JobNo, JobSpec, LeaseNo, StageNo, Stamp } from "../core/index.js";
import { levelNames, names } from "./names.js";

/** Jobs of at most so many tasks are one trace; larger ones are linked, or nobody could read them. */
const parentTasksMax = 100;

interface JobTrace {
  readonly id: string;
  readonly spec: JobSpec;
  readonly creation: SpanContext | undefined;
  readonly submittedWall: number;
  readonly firstStage: StageNo;
  /** Where the numbers of its tasks begin, and how many follow, for each part that came. */
  readonly stretches: { readonly first: number; readonly count: number }[];
  taskCount: number;
}

/**
 * The master's part of each job's story: a span for every delivery, from grant to end, linked to
 * the submit (and its child, for small jobs). It sees durable events and nothing else; it is only
 * there when traces are exported.
 */
export class DeliverySpans {
  readonly #tracer: Tracer;
  readonly #jobs = new Map<JobNo, JobTrace>();
  readonly #stages = new Map<StageNo, { readonly job: JobNo; readonly type: string }>();
  /** Stages are numbered as they come; those from before this process are not known here. */
  #nextStage: StageNo = 0;
  readonly #stageOfTask = new Map<number, StageNo>();
  readonly #live = new Map<LeaseNo, Span>();
  readonly #workers: string[] = [];

  constructor(tracer: Tracer = trace.getTracer(names.tracer)) {
    this.#tracer = tracer;
  }

  /** Says where the numbers of stages go on, before anything new happens. */
  beginAt(nextStage: StageNo): void {
    this.#nextStage = nextStage;
  }

  /** Tasks and stages of which something is kept. */
  get kept(): number {
    return this.#stageOfTask.size + this.#stages.size;
  }

  readonly observe = (events: readonly CoreEvent[], stamp: Stamp): void => {
    for (const event of events) this.#see(event, stamp);
  };

  #see(event: CoreEvent, stamp: Stamp): void {
    switch (event.type) {
      case "job_submitted":
        return this.#seeJob(event, stamp);
      case "tasks_added":
        return this.#seeTasks(event.job, event.stage, event.firstTask, event.tasks.length);
      case "worker_registered":
        this.#workers[event.worker] = event.spec.workerId;
        return;
      case "lease_granted":
        return this.#begin(event, stamp);
      case "task_succeeded":
        this.#stageOfTask.delete(event.task);
        return this.#end(event.lease, "succeeded", undefined, stamp);
      case "attempt_failed":
        return this.#end(event.lease, "retry", event.failure.type, stamp);
      case "task_failed":
        this.#stageOfTask.delete(event.task);
        return this.#end(event.lease, "dead_lettered", event.failure.type, stamp);
      case "delivery_requeued":
        return this.#end(event.lease, event.reason, undefined, stamp);
      case "delivery_cancelled":
        return this.#end(event.lease, "cancelled", undefined, stamp);
      case "lease_freed":
        return this.#end(event.lease, "cancelled", undefined, stamp);
      case "job_finished":
        return this.#forget(event.job);
      default:
        return;
    }
  }

  #seeJob(event: EventOf<"job_submitted">, stamp: Stamp): void {
    const { job, id, spec, firstTask, tasks } = event;
    const firstStage = this.#nextStage;
    for (const { task } of spec.stages)
      this.#stages.set(this.#nextStage++, { job, type: task.type });
    const creation = spanContextOf(spec.trace.traceparent);
    const submittedWall = stamp.wall;
    this.#jobs.set(job, {
      id,
      spec,
      creation,
      submittedWall,
      firstStage,
      stretches: [],
      taskCount: 0,
    });
    let task = firstTask;
    for (const { stage, tasks: added } of tasks) {
      this.#seeTasks(job, firstStage + stage, task, added.length);
      task += added.length;
    }
  }

  #seeTasks(jobNo: JobNo, stage: StageNo, firstTask: number, count: number): void {
    const job = this.#jobs.get(jobNo);
    if (job === undefined) return;
    job.taskCount += count;
    job.stretches.push({ first: firstTask, count });
    for (let i = 0; i < count; i++) this.#stageOfTask.set(firstTask + i, stage);
  }

  #forget(jobNo: JobNo): void {
    const job = this.#jobs.get(jobNo);
    if (job === undefined) return;
    this.#jobs.delete(jobNo);
    for (let i = 0; i < job.spec.stages.length; i++) this.#stages.delete(job.firstStage + i);
    // Those that were cancelled: they are not named one by one.
    for (const { first, count } of job.stretches) {
      for (let i = 0; i < count; i++) this.#stageOfTask.delete(first + i);
    }
  }

  #begin(event: EventOf<"lease_granted">, stamp: Stamp): void {
    const stage = this.#stages.get(this.#stageOfTask.get(event.task) ?? -1);
    const job = stage === undefined ? undefined : this.#jobs.get(stage.job);
    // Of a job that was there before this process: its trace is known no more.
    if (stage === undefined || job === undefined) return;
    const { creation } = job;
    const isChild = creation !== undefined && job.taskCount <= parentTasksMax;
    const parent = isChild ? trace.setSpanContext(root(), creation) : root();
    const span = this.#tracer.startSpan(
      names.delivery(stage.type),
      {
        kind: SpanKind.INTERNAL,
        startTime: stamp.wall,
        links: creation === undefined ? [] : [{ context: creation }],
        attributes: {
          [names.system]: "capstan",
          [names.destination]: stage.type,
          [names.jobId]: job.id,
          [names.attempt]: event.attempt,
          [names.delivery_]: event.delivery,
          [names.worker]: this.#workers[event.worker] ?? "",
          [names.level]: levelNames[event.level],
          [names.queueWaitMs]: Math.max(0, stamp.wall - job.submittedWall),
        },
      },
      parent,
    );
    this.#live.set(event.lease, span);
  }

  #end(lease: LeaseNo, outcome: string, errorType: string | undefined, stamp: Stamp): void {
    const span = this.#live.get(lease);
    if (span === undefined) return;
    this.#live.delete(lease);
    span.setAttribute(names.outcome, outcome);
    if (errorType !== undefined) {
      span.setAttribute(names.errorType, errorType);
      // An attempt that will be tried again has failed; its task has not.
      if (outcome === "dead_lettered") span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end(stamp.wall);
  }
}

function root(): Context {
  return trace.deleteSpan(context.active());
}

/** The creation context of a job, as its submit sent it. */
export function spanContextOf(traceparent: string): SpanContext | undefined {
  const [version, traceId = "", spanId = "", flags = ""] = traceparent.split("-");
  if (version === undefined) return undefined;
  const spanContext = { traceId, spanId, traceFlags: parseInt(flags, 16) || 0, isRemote: true };
  return isSpanContextValid(spanContext) ? spanContext : undefined;
}
