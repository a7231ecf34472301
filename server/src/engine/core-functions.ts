import { annotate, apply, decide, dueCommands } from "../core/index.js";

/**
 * What a turn does with the state. A seam: the simulator counts through it, and plants in it the bugs that its
 * auditor is to find.
 */
export interface CoreFunctions {
  readonly decide: typeof decide;
  readonly apply: typeof apply;
  readonly annotate: typeof annotate;
  readonly dueCommands: typeof dueCommands;
}

/** The core itself. */
export const coreFunctions: CoreFunctions = { decide, apply, annotate, dueCommands };
