import type { SealJobRequest } from "@capstan/proto/capstan/v1/master_service.js";
import type { AppendTasks, CancelJob, JobSpec, SealJob } from "../../core/index.js";
import type { CancelJobRequest } from "@capstan/proto/capstan/v1/master_service.js";
import { LimitExceededError } from "../errors.js";
import { limits } from "../limits.js";
import type { AppendRequest } from "./append-tasks-request.js";
import type { Bodies } from "./bodies.js";
import { Checker } from "./checker.js";
import type { JobPolicies } from "./job-policies.js";
import type { Decoded } from "./submit-job.js";
import { TaskDecoder } from "./tasks.js";
import { Weight } from "./weight.js";

/** Where tasks are to be appended: what can be checked without knowing the job. */
export interface AppendTarget {
  readonly namespace: string;
  readonly jobId: string;
  readonly stage: string;
}

/** @throws InvalidInputError, LimitExceededError */
export function decodeAppendTarget(request: AppendRequest, bytes: number): AppendTarget {
  const checker = new Checker("AppendTasks", "");
  const target = {
    namespace: checker.namespace(".namespace", request.namespace),
    jobId: checker.jobId(".job_id", request.jobId),
    stage: checker.stageName(".stage", request.stage),
  };
  const { tasks, firstIndex } = request;
  const { count } = tasks;
  if (count === 0) checker.fail(".tasks", "is empty; at least one is needed");
  checker.finish();
  if (count > limits.submitTasks) {
    throw new LimitExceededError("tasks", limits.submitTasks, count, "tasks");
  }
  if (bytes > limits.submitBytes) {
    throw new LimitExceededError("tasks", limits.submitBytes, bytes, "bytes");
  }
  if (firstIndex + count > limits.jobTasks) {
    throw new LimitExceededError("first_index", limits.jobTasks, firstIndex + count, "tasks");
  }
  return target;
}

/**
 * @param stage the stage as it was submitted: what its tasks are unless they say otherwise
 * @param bodies begun anew: what was decoded with them before must have been copied
 * @throws InvalidInputError, LimitExceededError or UnsupportedError, with all that was found
 */
export function decodeAppendTasks(
  request: AppendRequest,
  target: AppendTarget,
  stage: JobSpec["stages"][number],
  policies: JobPolicies,
  bodies: Bodies,
): Decoded<AppendTasks> {
  const checker = new Checker("AppendTasks", "");
  const weight = new Weight();
  bodies.beginAnew(request.tasks.bytes.length);
  const decoder = new TaskDecoder(checker, policies, { bodies, weight });
  const tasks = decoder.decode(request.tasks, stage.task);
  checker.finish();
  weight.check("tasks");
  const { firstIndex } = request;
  return {
    command: { kind: "append_tasks", ...target, firstIndex, tasks },
    blobs: bodies.finish(),
  };
}

/** @throws InvalidInputError */
export function decodeSealJob(request: SealJobRequest): SealJob {
  const checker = new Checker("SealJob", "");
  const namespace = checker.namespace(".namespace", request.namespace);
  const jobId = checker.jobId(".job_id", request.jobId);
  const seen = new Set<string>();
  const counts = checker.count(".counts", request.counts.length, limits.stages)
    ? request.counts.map(({ stage: name, count }, i) => {
        const stage = checker.stageName(`.counts[${i}].stage`, name);
        if (seen.has(stage)) checker.fail(`.counts[${i}].stage`, `${stage} is counted twice`);
        seen.add(stage);
        checker.range(`.counts[${i}].count`, count, 0, limits.jobTasks);
        return { stage, count };
      })
    : [];
  checker.finish();
  return { kind: "seal_job", namespace, jobId, counts };
}

/** @throws InvalidInputError */
export function decodeCancelJob(request: CancelJobRequest): CancelJob {
  const checker = new Checker("CancelJob", "");
  const namespace = checker.namespace(".namespace", request.namespace);
  const jobId = checker.jobId(".job_id", request.jobId);
  checker.text(".note", request.note, limits.noteBytes);
  checker.finish();
  return { kind: "cancel_job", namespace, jobId, note: request.note };
}
