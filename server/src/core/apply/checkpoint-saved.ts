import type { EventOf } from "../events.js";
import type { State } from "../state/state.js";
import { extraOf } from "../state/state.js";

/** The next delivery of the task starts from here. */
export function applyCheckpointSaved(state: State, event: EventOf<"checkpoint_saved">): void {
  extraOf(state, event.task).checkpoint = event.body;
}
