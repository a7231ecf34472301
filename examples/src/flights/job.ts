/** The job: its two stages, what a task of each does, and how the answer is read. */
import {
  inputTasks,
  partitioned,
  type DataFile,
  type JobDefinition,
  type JobResult,
  type PartitionedOutput,
  type PlacementPolicy,
  type TaskOutput,
} from "@capstan/sdk";
import { addFlight, addTally, type Delays, type Entry, type Flight } from "./delays.js";

/** The types of the tasks: a worker says which it has handlers for. */
export const taskTypes = { map: "flights.map", reduce: "flights.reduce" } as const;

/** Whether the place of data counts, or is ignored: for comparison. */
export type Locality = NonNullable<PlacementPolicy["locality"]>;

/** How much of a file a map task reads. Bytes. */
const rangeBytes = 20_000;

/** How many reducers there are: fewer than slots, so that all of them run at once. */
const reducers = 8;

/**
 * One call splits the files into byte ranges and makes a task of each; what reads a range knows the hosts
 * that hold it.
 */
export async function flightsJob(
  files: readonly DataFile[],
  locality: Locality,
): Promise<JobDefinition> {
  return {
    name: "flights",
    labels: { locality },
    // Nine slots and short tasks: an idle slot costs more than a far one, so nobody waits for a near one.
    placement: { locality, hostPatienceMs: 0, rackPatienceMs: 0 },
    stages: [
      {
        name: "map",
        taskType: taskTypes.map,
        partitions: reducers,
        tasks: await inputTasks(files, { targetBytes: rangeBytes }),
      },
      {
        name: "reduce",
        taskType: taskTypes.reduce,
        // Reducer i reads partition i of what every map task put out.
        dependsOn: [{ stage: "map", kind: "partition" }],
        tasks: Array.from({ length: reducers }, () => ({})),
      },
    ],
  };
}

/** A map task: adds up the flights of its range, and divides the sums among the reducers by key. */
export async function mapFlights(
  flights: AsyncIterable<Flight>,
  partitions: number,
): Promise<PartitionedOutput> {
  const delays: Delays = new Map();
  for await (const flight of flights) addFlight(delays, flight);
  const parts: Entry[][] = Array.from({ length: partitions }, () => []);
  for (const entry of delays) parts[entry[0] % partitions]?.push(entry);
  return partitioned(parts);
}

/** A reduce task: adds up its partition of all map outputs. */
export async function reduceDelays(outputs: AsyncIterable<TaskOutput>): Promise<Entry[]> {
  return [...(await addUp(outputs))];
}

/** The answer of a job that has succeeded: what its reducers put out. */
export function readAnswer(result: JobResult): Promise<Delays> {
  return addUp(result.outputs({ stage: "reduce" }));
}

async function addUp(outputs: AsyncIterable<TaskOutput>): Promise<Delays> {
  const delays: Delays = new Map();
  for await (const output of outputs) {
    for (const [key, tally] of output.value<Entry[]>()) addTally(delays, key, tally);
  }
  return delays;
}
