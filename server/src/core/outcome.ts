import type { DurationMs } from "./ids.js";

/**
 * What became of a delivery, as its worker is told. Kept for the last settled delivery of each
 * task, so that a result sent again gets the same answer.
 */
export type Outcome =
  | { readonly kind: "succeeded" }
  | { readonly kind: "retry"; readonly inMs: DurationMs; readonly attempt: number }
  | { readonly kind: "dead_lettered"; readonly id: string }
  | { readonly kind: "requeued"; readonly charge: Charge }
  | { readonly kind: "cancelled" }
  /** With the newest delivery of the task; 0: there is no such task. */
  | { readonly kind: "stale"; readonly delivery: number }
  | { readonly kind: "gone" };

export type OutcomeKind = Outcome["kind"];

/** Codes of outcomes in the task table; 0 is: none yet. */
export const outcomeCodes = {
  succeeded: 1,
  retry: 2,
  dead_lettered: 3,
  requeued: 4,
  cancelled: 5,
} as const satisfies Partial<Record<OutcomeKind, number>>;

/** What a delivery that ended costs, and which budget pays. */
export type Charge = "none" | "attempt" | "lost" | "drain" | "oom" | "breaker";
