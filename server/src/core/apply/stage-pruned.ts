import type { EventOf } from "../events.js";
import type { State } from "../state/state.js";

/** What the stage's blocked tasks waited for will never come: a sweep cancels them. */
export function applyStagePruned(state: State, event: EventOf<"stage_pruned">): void {
  const stage = state.stage(event.stage);
  stage.pruned = true;
  const job = state.job(stage.job);
  job.sweep = { scope: "blocked", stage: stage.no, index: 0 };
  job.revision += 1;
  state.toSweep.add(job.no);
}
