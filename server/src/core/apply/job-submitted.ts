import type { Stamp } from "../context.js";
import { assert } from "../errors.js";
import type { EventOf } from "../events.js";
import type { StageSpec } from "../spec.js";
import type { State } from "../state/state.js";
import { addTasks } from "./add-tasks.js";

/** A job with its stages, and the tasks that came with it. */
export function applyJobSubmitted(
  state: State,
  event: EventOf<"job_submitted">,
  stamp: Stamp,
): void {
  const { spec, uploading } = event;
  const firstStage = state.stages.count;
  const stageCount = spec.stages.length;
  for (let position = 0; position < stageCount; position++) {
    state.stages.add(event.job, position, spec.stages[position] as StageSpec);
  }
  for (const position of event.opened) state.stage(firstStage + position).opened = true;
  assert(event.job === state.jobs.count, () => `job ${event.job} out of turn`);
  const job = state.jobs.add({
    id: event.id,
    spec,
    idempotencyKey: event.idempotencyKey,
    fingerprint: event.fingerprint,
    submittedAt: stamp.now,
    submittedWall: stamp.wall,
    firstStage,
    stageCount,
    state: uploading ? "uploading" : "running",
    uploadLapsesAt: uploading ? stamp.now + spec.uploadTtlMs : 0,
  });
  state.jobById.add(event.id, event.job);
  if (event.idempotencyKey !== "") state.addKey(job);
  addAllTasks(state, event, firstStage, stamp);
  if (uploading) state.uploads.push(stamp.now + spec.uploadTtlMs, event.job);
  else if (mayGoOn(state, firstStage, stageCount)) state.toAdvance.add(event.job);
}

function addAllTasks(
  state: State,
  event: EventOf<"job_submitted">,
  firstStage: number,
  stamp: Stamp,
): void {
  if (event.tasks.length === 0) return;
  const { firstTask } = event;
  assert(firstTask === state.tasks.count, () => `tasks from ${firstTask} out of turn`);
  let blob = event.firstBlob;
  for (const { stage, tasks } of event.tasks) {
    addTasks(state, state.stage(firstStage + stage), tasks, blob, stamp);
    blob += tasks.length;
  }
}

/** Does anything follow at once: another stage that opens, or the end of a job without tasks? */
function mayGoOn(state: State, firstStage: number, stageCount: number): boolean {
  return stageCount > 1 || state.stage(firstStage).taskCount === 0;
}
