import type { AnnotationOf } from "../commands.js";
import type { Context, Settings } from "../context.js";
import { lookAgainLater } from "../state/retirement.js";
import type { State } from "../state/state.js";

/** How far history has come: what ended before may leave. */
export function noteProjected(state: State, note: AnnotationOf<"note_projected">): void {
  state.projectedThrough = note.through;
}

/** Nobody but the core answers for jobs before this one. */
export function noteHistoryBegins(state: State, note: AnnotationOf<"note_history_begins">): void {
  state.historyBegins = note.job;
}

/** Jobs that were to leave stay for a while. */
export function noteHeldBack(
  state: State,
  { jobs }: AnnotationOf<"note_held_back">,
  { now }: Context,
  { retireAfterMs }: Settings,
): void {
  for (const job of jobs) lookAgainLater(state, job, now, retireAfterMs);
}
