import type { Stamp } from "../context.js";
import type { EventOf } from "../events.js";
import type { Stage } from "../state/stages.js";
import { endDelivery, moveTask } from "../state/moves.js";
import type { State } from "../state/state.js";
import { TaskState } from "../state/tasks.js";

/** The task is done; its outputs lie in the payload store, a blob for each listed partition. */
export function applyTaskSucceeded(
  state: State,
  event: EventOf<"task_succeeded">,
  stamp: Stamp,
): void {
  const { tasks } = state;
  endDelivery(state, event, "succeeded", stamp);
  moveTask(state, event.task, TaskState.succeeded);
  state.worker(event.worker).succeeded += 1;
  if (event.recordCount > 0) tasks.recordCount.set(event.task, event.recordCount);
  if (event.outputs.length === 0) return;
  tasks.outputs.set(event.task, event.firstBlob);
  tasks.outputsCount.set(event.task, event.outputs.length);
  state.outputPartitions.set(
    event.task,
    event.outputs.map(({ partition }) => partition),
  );
  const stage = state.stageOf(event.task);
  for (const output of event.outputs) {
    if (output.hosts.length > 0) notePartition(state, stage, output.partition, output);
  }
}

function notePartition(
  state: State,
  stage: Stage,
  partition: number,
  output: { readonly hosts: readonly string[]; readonly dataBytes: number },
): void {
  const hostsByPartition = (stage.partitionHosts ??= new Map());
  let bytesByHost = hostsByPartition.get(partition);
  if (bytesByHost === undefined) {
    bytesByHost = new Map();
    hostsByPartition.set(partition, bytesByHost);
  }
  for (const name of output.hosts) {
    const host = state.placement.hosts.number(name);
    bytesByHost.set(host, (bytesByHost.get(host) ?? 0) + output.dataBytes);
  }
}
