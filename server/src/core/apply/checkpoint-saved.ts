import type { EventOf } from "../events.js";
import { free } from "../state/retirement.js";
import type { State } from "../state/state.js";
import { extraOf } from "../state/state.js";

/** The next delivery of the task starts from here. */
export function applyCheckpointSaved(state: State, event: EventOf<"checkpoint_saved">): void {
  const extra = extraOf(state, event.task);
  free(state, extra.checkpoint);
  extra.checkpoint = event.body;
}
