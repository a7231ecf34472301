import type {
  CancelJobRequest,
  CancelJobResponse,
} from "@capstan/proto/capstan/v1/master_service.js";
import { queries } from "../../core/index.js";
import { unary } from "../call.js";
import { encodeJobState } from "../codec/encode-job.js";
import { decodeCancelJob } from "../codec/uploads.js";
import { RejectedError } from "../errors.js";
import type { HandlerDeps } from "./deps.js";

/** Cancels a job in whatever state it is. */
export function cancelJob({ engine, log }: HandlerDeps) {
  return unary<CancelJobRequest, CancelJobResponse>(log, async (request) => {
    const command = decodeCancelJob(request);
    const { namespace, jobId } = command;
    const [result, stillRunning] = await Promise.all([
      engine.submit<"cancel_job">(command),
      engine.read((state) => queries.startedLeases(state, namespace, jobId)),
    ]);
    if (!result.ok) throw new RejectedError(result.rejection, { job_id: jobId });
    return { state: encodeJobState(result.reply.state), stillRunning };
  });
}
