import type { FaultClass } from "./faults/classes.js";
import type { RunOptions, RunReport } from "./runner.js";
import { run } from "./runner.js";

/** A failing run made smaller, and what it still fails of. */
export interface Shrunk {
  /** As given, where nothing smaller fails. */
  readonly options: RunOptions;
  readonly report: RunReport;
}

/**
 * Looks for a smaller run that fails too: with fewer steps first, then with fewer kinds of faults. It may fail
 * of something else: then that is the smaller problem.
 */
export async function shrink(options: RunOptions): Promise<Shrunk | undefined> {
  const first = await run(options);
  if (first.violation === undefined) return undefined;
  let steps = options.steps ?? first.steps;
  let faults = options.faults ?? (Object.keys(first.faults) as FaultClass[]);
  let smallest: Shrunk = { options, report: first };
  const tryWith = async (fewer: number, some: readonly FaultClass[]): Promise<boolean> => {
    const smaller = { ...options, steps: fewer, faults: some };
    const report = await run(smaller);
    if (report.violation === undefined) return false;
    steps = fewer;
    faults = some;
    smallest = { options: smaller, report };
    return true;
  };
  for (let cut = steps >> 1; cut > 0; cut >>= 1) {
    while (steps > cut && (await tryWith(steps - cut, faults)));
  }
  for (const fault of faults) {
    await tryWith(
      steps,
      faults.filter((other) => other !== fault),
    );
  }
  return smallest;
}
