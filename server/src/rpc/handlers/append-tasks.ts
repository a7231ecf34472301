import type { AppendTasksResponse } from "@capstan/proto/capstan/v1/master_service.js";
import type { JobSpec, ReplyOf } from "../../core/index.js";
import { queries } from "../../core/index.js";
import type { Result, Submission, SubmissionSource } from "../../engine/engine-port.js";
import { unary } from "../call.js";
import type { AppendRequest } from "../codec/append-tasks-request.js";
import { Bodies } from "../codec/bodies.js";
import { type JobPolicies, storedJobPolicies } from "../codec/job-policies.js";
import type { AppendTarget } from "../codec/uploads.js";
import { decodeAppendTarget, decodeAppendTasks } from "../codec/uploads.js";
import { jobNotFound, RejectedError, stageNotFound } from "../errors.js";
import type { HandlerDeps } from "./deps.js";
import { refusalOfUpload } from "./past-upload.js";

type AppendResult = Result<ReplyOf<"append_tasks">>;

/** What the parts of an upload have in common. A job's spec never changes, so it is read once. */
interface Upload {
  readonly spec: JobSpec;
  readonly policies: JobPolicies;
}

/** Uploads that are remembered; one more than that is read again. */
const uploadsMax = 256;

/** Adds tasks to a stage of a job that is being uploaded. */
export function appendTasks({ engine, log, history }: HandlerDeps) {
  const uploads = new Map<string, Upload>();
  // One for all: the engine has copied, or dropped, what one source gave before it asks another.
  const bodies = new Bodies(0);

  async function uploadOf({ namespace, jobId }: AppendTarget): Promise<Upload> {
    const key = `${namespace}/${jobId}`;
    const known = uploads.get(key);
    if (known !== undefined) return known;
    const live = await engine.read((state) => queries.getJobSpec(state, namespace, jobId));
    const spec = live ?? (await history?.job(namespace, jobId))?.spec;
    if (spec === undefined) throw jobNotFound(jobId);
    const upload = { spec, policies: storedJobPolicies(spec) };
    if (uploads.size >= uploadsMax) uploads.delete(uploads.keys().next().value ?? "");
    uploads.set(key, upload);
    return upload;
  }

  return unary<AppendRequest, AppendTasksResponse>(log, async (request, { bytes }) => {
    const target = decodeAppendTarget(request, bytes);
    const facts = { job_id: target.jobId, stage: target.stage };
    const { spec, policies } = await uploadOf(target);
    const stage = spec.stages.find(({ name }) => name === target.stage);
    if (stage === undefined) throw stageNotFound(target.jobId, target.stage);
    const part = new Part(() => decodeAppendTasks(request, target, stage, policies, bodies));
    const [result] = (await engine.submitFrom(part)) as readonly [AppendResult];
    if (!result.ok) {
      const { namespace, jobId } = target;
      const refusal = await refusalOfUpload(result.rejection, history, namespace, jobId);
      throw new RejectedError(refusal, facts);
    }
    return { nextIndex: result.reply.nextIndex };
  });
}

/** A part of an upload, decoded when the engine takes it: that is long work, and counts as such in its turns. */
class Part implements SubmissionSource {
  #decode: (() => Submission) | undefined;

  constructor(decode: () => Submission) {
    this.#decode = decode;
  }

  next(): Submission | undefined {
    const decode = this.#decode;
    this.#decode = undefined;
    return decode?.();
  }
}
