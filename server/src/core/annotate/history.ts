import type { AnnotationOf } from "../commands.js";
import type { State } from "../state/state.js";

/** How far history has come: what ended before may leave. */
export function noteProjected(state: State, note: AnnotationOf<"note_projected">): void {
  state.projectedThrough = note.through;
}
