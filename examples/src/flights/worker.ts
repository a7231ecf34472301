/**
 * One worker process: it takes map and reduce tasks from the master, as many at once as it has slots.
 * `node worker.js --address HOST:PORT --host oak --slots 4 --racks oak=north,elm=north,fir=south`
 */
import { parseArgs } from "node:util";
import { readJsonLines, startTracing, Worker, type TaskInput } from "@capstan/sdk";
import type { Flight } from "./delays.js";
import { mapFlights, reduceDelays, taskTypes } from "./job.js";
import { Meter } from "./meter.js";
import { Place } from "./place.js";
import { bytesPerSecond, Throttle } from "./throttle.js";

const { values: options } = parseArgs({
  options: {
    address: { type: "string" },
    host: { type: "string", default: "localhost" },
    slots: { type: "string", default: "1" },
    racks: { type: "string", default: "" },
  },
});

const place = Place.parse(options.host, options.racks);
const tracing = await startTracing({ serviceName: "flights-worker" });
const worker = new Worker({
  address: options.address,
  workerId: place.host,
  host: place.host,
  rack: place.rack ?? "",
  slots: Number(options.slots),
});
const meter = new Meter(worker, place, (task) => process.send?.({ kind: "settled", task }));

worker.handle(
  taskTypes.map,
  meter.wrap((task, context) => {
    const [range] = task.inputs;
    if (range === undefined) throw new Error("a map task reads a range of a file");
    return mapFlights(read(range, context.signal), task.partitions);
  }),
);

worker.handle(
  taskTypes.reduce,
  meter.wrap((_task, context) => reduceDelays(context.readPartition("map"))),
);

worker.on("connected", () => process.send?.({ kind: "ready" }));

// Until SIGTERM: then the worker takes nothing more, finishes what it has started, and ends.
await worker.run();
await tracing.shutdown();

/** The flights of a range, at the pace at which they would come from where they lie. */
async function* read(range: TaskInput, signal: AbortSignal): AsyncGenerator<Flight> {
  const throttle = new Throttle(bytesPerSecond[place.distanceTo(range)]);
  yield* readJsonLines<Flight>(range, { signal });
  await throttle.passed(range.sizeBytes ?? 0, signal);
}
