import type { Stamp } from "../context.js";
import { assert } from "../errors.js";
import type { EventOf } from "../events.js";
import type { Job, Stage } from "../state/jobs.js";
import { emptyCounts } from "../state/jobs.js";
import type { State } from "../state/state.js";
import { addTasks } from "./add-tasks.js";

/** A job with its stages, and the tasks that came with it. */
export function applyJobSubmitted(
  state: State,
  event: EventOf<"job_submitted">,
  stamp: Stamp,
): void {
  const { spec, uploading } = event;
  const firstStage = state.stages.length;
  const stageCount = spec.stages.length;
  for (let position = 0; position < stageCount; position++) addStage(state, event, position);
  for (const position of event.opened) state.stage(firstStage + position).opened = true;
  const job: Job = {
    no: event.job,
    id: event.id,
    spec,
    idempotencyKey: event.idempotencyKey,
    fingerprint: event.fingerprint,
    submittedAt: stamp.now,
    submittedWall: stamp.wall,
    firstStage,
    stageCount,
    state: uploading ? "uploading" : "running",
    run: 1,
    uploadLapsesAt: uploading ? stamp.now + spec.uploadTtlMs : 0,
    sweep: undefined,
    cancelCause: undefined,
    note: "",
    failedTask: undefined,
    finishedWall: undefined,
    liveLeases: 0,
    revision: 0,
  };
  state.jobs.push(job);
  state.jobById.add(event.id, event.job);
  if (event.idempotencyKey !== "") state.addKey(job);
  addAllTasks(state, event, firstStage, stamp);
  if (uploading) state.uploads.push(stamp.now + spec.uploadTtlMs, event.job);
  else if (mayGoOn(state, firstStage, stageCount)) state.toAdvance.add(event.job);
}

function addStage(state: State, event: EventOf<"job_submitted">, position: number): void {
  state.stages.push({
    no: state.stages.length,
    job: event.job,
    position,
    spec: event.spec.stages[position] as Stage["spec"],
    opened: false,
    pruned: false,
    taskCount: 0,
    counts: emptyCounts(),
    retries: 0,
    firstTask: 0,
    segments: undefined,
    partitionHosts: undefined,
    bags: noBags,
  });
}

/** Nothing is ever pushed into it: a stage's first bag makes an array of its own. */
const noBags: number[] = [];

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
