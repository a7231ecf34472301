import type { Stamp } from "../context.js";
import type { EventOf } from "../events.js";
import { emptyCounts } from "../state/jobs.js";
import type { State } from "../state/state.js";
import { setJobOfKey } from "../state/state.js";

/** A job with its stages, all of them still empty. */
export function applyJobSubmitted(
  state: State,
  event: EventOf<"job_submitted">,
  stamp: Stamp,
): void {
  const firstStage = state.stages.length;
  for (const [position, spec] of event.spec.stages.entries()) {
    state.stages.push({
      no: firstStage + position,
      job: event.job,
      position,
      spec,
      opened: false,
      pruned: false,
      taskCount: 0,
      counts: emptyCounts(),
      retries: 0,
      segments: [],
      partitionHosts: undefined,
      bags: [],
    });
  }
  state.jobs.push({
    no: event.job,
    id: event.id,
    spec: event.spec,
    idempotencyKey: event.idempotencyKey,
    fingerprint: event.fingerprint,
    submittedAt: stamp.now,
    submittedWall: stamp.wall,
    firstStage,
    stageCount: event.spec.stages.length,
    state: event.uploading ? "uploading" : "running",
    run: 1,
    uploadLapsesAt: stamp.now + event.spec.uploadTtlMs,
    sweep: undefined,
    cancelCause: undefined,
    note: "",
    failedTask: undefined,
    finishedWall: undefined,
    liveLeases: 0,
    revision: 0,
  });
  state.jobById.set(event.id, event.job);
  if (event.idempotencyKey !== "") {
    setJobOfKey(state, event.spec.namespace, event.idempotencyKey, event.job);
  }
  if (event.uploading) state.uploads.push(stamp.now + event.spec.uploadTtlMs, event.job);
  else state.toAdvance.add(event.job);
}
