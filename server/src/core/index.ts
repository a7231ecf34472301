/**
 * The front door of the core: what the engine and the edge may use. Everything behind it is
 * deterministic; there is no clock, no dice and no I/O in this folder.
 */
export { annotate } from "./annotate/index.js";
export { apply } from "./apply/index.js";
export { backoffMs } from "./backoff.js";
export type * from "./commands.js";
export type { Context, Settings, Stamp } from "./context.js";
export { defaultSettings, eventTasksMax } from "./context.js";
export { decide } from "./decide/index.js";
export { notUploading } from "./decide/shared.js";
export type * from "./decision.js";
export { digest } from "./digest.js";
export type { FoldSink } from "./fold.js";
export { foldState } from "./fold.js";
export type { Rejection, RejectionKind } from "./errors.js";
export { assert, BugError, unreachable } from "./errors.js";
export type * from "./events.js";
export type { GraphProblem } from "./graph.js";
export { checkCounts, checkGraph } from "./graph.js";
export type * from "./ids.js";
export { makeId } from "./ids.js";
export { checkInvariants } from "./invariants.js";
export type * from "./lease-views.js";
export { leaseView, strayTokens } from "./lease-views.js";
export type * from "./outcome.js";
export { placementRound } from "./placement/round.js";
export type * from "./queries.js";
export * as queries from "./queries.js";
export { dumpState } from "./snapshot/dump.js";
export { StateLoader } from "./snapshot/load.js";
export type { Numbers, StatePart } from "./snapshot/parts.js";
export type * from "./spec.js";
export type { JobState } from "./state/jobs.js";
export { isFinished } from "./state/jobs.js";
export type { State } from "./state/state.js";
export { deliveryRecordsMax, newState } from "./state/state.js";
export { beginTerms, dueCommands, nextTimers } from "./timers.js";
