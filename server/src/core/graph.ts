import type { StageSpec } from "./spec.js";

/** Something wrong with a job's stages, and where. */
export interface GraphProblem {
  /** Place of the stage. */
  readonly stage: number;
  /** Path from the job's spec, for example `stages[1].depends_on[0].stage`. */
  readonly field: string;
  readonly description: string;
}

/**
 * Checks that stages form a graph without cycles, by names that are there and differ.
 *
 * @returns every problem; empty: none
 */
export function checkGraph(stages: readonly StageSpec[]): readonly GraphProblem[] {
  const problems: GraphProblem[] = [];
  const positions = new Map<string, number>();
  for (const [position, stage] of stages.entries()) {
    if (positions.has(stage.name)) {
      problems.push({
        stage: position,
        field: `stages[${position}].name`,
        description: `another stage is named ${stage.name} already`,
      });
    }
    positions.set(stage.name, position);
  }
  for (const [position, stage] of stages.entries()) {
    const seen = new Set<string>();
    for (const [i, { stage: upstream }] of stage.dependsOn.entries()) {
      const field = `stages[${position}].depends_on[${i}].stage`;
      if (!positions.has(upstream)) {
        problems.push({ stage: position, field, description: `there is no stage ${upstream}` });
      } else if (seen.has(upstream)) {
        problems.push({ stage: position, field, description: `${upstream} is named twice` });
      }
      seen.add(upstream);
    }
  }
  if (problems.length > 0) return problems;
  return findCycle(stages, positions);
}

/** Repeatedly takes away stages whose dependencies are all gone; what stays is in a cycle. */
function findCycle(
  stages: readonly StageSpec[],
  positions: ReadonlyMap<string, number>,
): readonly GraphProblem[] {
  const waiting = stages.map((stage) => stage.dependsOn.length);
  const free = waiting.flatMap((count, position) => (count === 0 ? [position] : []));
  let taken = 0;
  for (let position = free.pop(); position !== undefined; position = free.pop()) {
    taken += 1;
    const name = stages[position]?.name;
    for (const [downstream, stage] of stages.entries()) {
      if (!stage.dependsOn.some((dependency) => dependency.stage === name)) continue;
      const left = (waiting[downstream] ?? 0) - 1;
      waiting[downstream] = left;
      if (left === 0) free.push(downstream);
    }
  }
  if (taken === stages.length) return [];
  const stuck = waiting.findIndex((count) => count > 0);
  const name = stages[stuck]?.name ?? "";
  const stage = positions.get(name) ?? stuck;
  const field = `stages[${stage}].depends_on`;
  return [{ stage, field, description: `${name} depends on itself, by way of others or directly` }];
}

/**
 * Checks the numbers of tasks against each other: an EACH stage has as many as its upstream, a
 * PARTITION stage as many as its upstream has partitions. A stage that waits for no other has at
 * least one: without, it would be done before it began, and so would be all that waits for it.
 *
 * @param counts tasks of each stage, in the order of `stages`
 */
export function checkCounts(
  stages: readonly StageSpec[],
  counts: readonly number[],
): readonly GraphProblem[] {
  const problems: GraphProblem[] = [];
  for (const [position, stage] of stages.entries()) {
    const count = counts[position] ?? 0;
    if (count === 0 && stage.dependsOn.length === 0) {
      problems.push({
        stage: position,
        field: `stages[${position}].tasks`,
        description: `${stage.name} has no tasks; a stage that depends on no other needs at least one`,
      });
    }
    for (const { stage: name, kind } of stage.dependsOn) {
      const upstream = stages.findIndex((other) => other.name === name);
      const wanted = kind === "each" ? counts[upstream] : stages[upstream]?.partitions;
      if (kind === "all" || wanted === undefined || wanted === count) continue;
      const reason =
        kind === "each"
          ? `as many as ${name} has tasks (${wanted})`
          : `as many as ${name} has partitions (${wanted})`;
      problems.push({
        stage: position,
        field: `stages[${position}].tasks`,
        description: `${stage.name} has ${count} tasks; it needs ${reason}`,
      });
    }
  }
  return problems;
}
