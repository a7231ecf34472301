import type { CoreEvent, Stamp } from "../../../src/core/index.js";
import { Blobs, EntryBuilder } from "../../../src/journal/entry/index.js";
import type { Machine } from "../../core/support/machine.js";
import { Machine as NewMachine } from "../../core/support/machine.js";
import { Prng } from "../../core/support/prng.js";
import { Workload } from "../../core/support/workload.js";

/** An entry with the events that are in it. */
export interface Recorded {
  readonly index: number;
  readonly body: Uint8Array;
  readonly events: readonly CoreEvent[];
  readonly stamp: Stamp;
}

/** What a blob holds in these tests: something that tells it from all others. */
export function bytesOfBlob(blob: number): Buffer {
  return Buffer.from(`blob ${blob}`);
}

/** A random run of the core, as the entries of a journal. Jobs leave in entries of their own. */
export function record(seed: number, steps: number): readonly Recorded[] {
  const random = new Prng(seed);
  const machine = new NewMachine(random.uint32, false);
  const workload = new Workload(machine, random);
  for (let step = 0; step < steps; step++) workload.step();
  workload.heal();
  return entriesOf(machine.journal);
}

export function entriesOf(journal: Machine["journal"]): readonly Recorded[] {
  const entries: Recorded[] = [];
  let events: CoreEvent[] = [];
  let stamp: Stamp | undefined;
  const finish = () => {
    if (stamp !== undefined && events.length > 0)
      entries.push(entryOf(entries.length + 1, events, stamp));
    events = [];
  };
  for (const { event, stamp: at } of journal) {
    // Set back, the machine's wall clock comes before 1970, which no journal takes.
    const own = { now: at.now, wall: at.wall + 1_700_000_000_000 };
    const isNew =
      own.now !== stamp?.now || own.wall !== stamp.wall || event.type === "jobs_retired";
    if (isNew) finish();
    stamp = own;
    events.push(event);
    if (event.type === "jobs_retired") finish();
  }
  finish();
  return entries;
}

function entryOf(index: number, events: readonly CoreEvent[], stamp: Stamp): Recorded {
  const blobs = events.flatMap(blobsOf).filter((blob) => blob > 0);
  const first = Math.min(...blobs);
  const builder = new EntryBuilder(stamp, blobs.length === 0 ? 1 : first);
  for (const event of events) builder.addEvent(event);
  if (blobs.length > 0) {
    const count = Math.max(...blobs) - first + 1;
    builder.addBlobs(Blobs.of(Array.from({ length: count }, (_, i) => bytesOfBlob(first + i))));
  }
  return { index, body: builder.finish().body, events, stamp };
}

function blobsOf(event: CoreEvent): number[] {
  const range = (first: number, count: number) =>
    Array.from({ length: count }, (_, i) => first + i);
  switch (event.type) {
    case "job_submitted":
      return range(
        event.firstBlob,
        event.tasks.reduce((sum, { tasks }) => sum + tasks.length, 0),
      );
    case "tasks_added":
      return range(event.firstBlob, event.tasks.length);
    case "task_succeeded":
      return range(event.firstBlob, event.outputs.length);
    case "attempt_failed":
    case "task_failed":
      return [event.failure.body];
    case "delivery_cancelled":
      return [event.failure?.body ?? 0];
    case "checkpoint_saved":
      return [event.body];
    default:
      return [];
  }
}
