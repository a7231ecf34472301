import type { LocatedTask } from "../events.js";
import type { Stage } from "../state/stages.js";
import { taskAt } from "../state/stages.js";
import type { State } from "../state/state.js";

/** Hosts of a partition that are worth going to: those that hold the most of it. */
const partitionHostsMax = 3;

const nowhere: readonly LocatedTask[] = [];

/**
 * Where the data of a stage's tasks lies, of those that read partitions given by reference: each goes to
 * the hosts that hold the most of its own.
 */
export function locatedTasks(state: State, stage: Stage): readonly LocatedTask[] {
  const upstream = stage.spec.dependsOn.filter(({ kind }) => kind === "partition");
  if (upstream.length === 0) return nowhere;
  const job = state.job(stage.job);
  const located = new Map<number, LocatedTask>();
  for (const { stage: name } of upstream) {
    const position = job.spec.stages.findIndex((other) => other.name === name);
    const { partitionHosts } = state.stage(job.firstStage + position);
    for (const [partition, bytesByHost] of partitionHosts ?? []) {
      const task = taskAt(stage, partition);
      if (task === undefined || located.has(task)) continue;
      if (state.tasks.hostsCount.get(task) > 0) continue;
      const found = best(task, bytesByHost);
      if (found.hosts.length > 0) located.set(task, found);
    }
  }
  return [...located.values()];
}

function best(task: number, bytesByHost: ReadonlyMap<number, number>): LocatedTask {
  const ranked = [...bytesByHost].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  const taken = ranked.slice(0, partitionHostsMax);
  const hosts = taken.map(([host]) => host);
  const bytes = taken.reduce((sum, [, held]) => sum + held, 0);
  return { task, hosts, bytes };
}
