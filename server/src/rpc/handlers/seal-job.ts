import type { SealJobRequest, SealJobResponse } from "@capstan/proto/capstan/v1/master_service.js";
import { queries } from "../../core/index.js";
import { unary } from "../call.js";
import { encodeJobState } from "../codec/encode-job.js";
import { decodeSealJob } from "../codec/uploads.js";
import { RejectedError } from "../errors.js";
import { warningsOf } from "../warnings.js";
import type { HandlerDeps } from "./deps.js";
import { refusalOfUpload } from "./past-upload.js";

/** Says that a job's tasks are complete. */
export function sealJob({ engine, log, history }: HandlerDeps) {
  return unary<SealJobRequest, SealJobResponse>(log, async (request) => {
    const command = decodeSealJob(request);
    const { namespace, jobId } = command;
    const [result, warnings] = await Promise.all([
      engine.submit<"seal_job">(command),
      engine.read((state, { now }) =>
        warningsOf(state, namespace, queries.openKinds(state, namespace, jobId), now),
      ),
    ]);
    if (!result.ok) {
      const refusal = await refusalOfUpload(result.rejection, history, namespace, jobId);
      throw new RejectedError(refusal, { job_id: jobId });
    }
    return { state: encodeJobState(result.reply.state), warnings };
  });
}
