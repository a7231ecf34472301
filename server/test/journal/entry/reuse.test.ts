import assert from "node:assert/strict";
import fc from "fast-check";
import type { CoreEvent, Stamp } from "../../../src/core/index.js";
import { Blobs, decodeEntry, EntryBuilder } from "../../../src/journal/entry/index.js";
import { blobs, events, stamp } from "./arbitraries.js";
import { grant, samples, submit, success } from "./samples.js";

/** Events with a number that cannot be written: of each kind of record, one. */
const bad: readonly CoreEvent[] = [
  grant({ task: 0.5 }),
  success({ lease: -1 }),
  submit({ job: -1, id: "bad" }),
  submit({ spec: { ...submit().spec, uploadTtlMs: -1 } }),
  ...samples.tasks_added.map((event) => ({ ...event, firstTask: NaN })),
  // Its first tasks are among the rows by then.
  ...samples.tasks_added.map((event) => ({
    ...event,
    tasks: [
      ...event.tasks,
      { bodyBytes: 0.5, hosts: ["h"], inputBytes: 0, delayMs: 0, recordCount: 0 },
    ],
  })),
  ...samples.job_finished.map((event) => ({ ...event, run: 2 ** 60 })),
  ...samples.worker_lost.map((event) => ({ ...event, worker: -1 })),
];

interface Entry {
  readonly at: Stamp;
  readonly list: readonly CoreEvent[];
  readonly bytes: readonly Uint8Array[];
  /** What becomes of it: it is finished, or given up, or fails with one more event. */
  readonly fate: "finished" | "given up" | CoreEvent;
}

const entry: fc.Arbitrary<Entry> = fc.record({
  at: stamp,
  list: events,
  bytes: blobs,
  fate: fc.oneof(
    { weight: 3, arbitrary: fc.constant<Entry["fate"]>("finished") },
    { weight: 1, arbitrary: fc.constant<Entry["fate"]>("given up") },
    { weight: 1, arbitrary: fc.constantFrom<Entry["fate"]>(...bad) },
  ),
});

function fill(builder: EntryBuilder, { list, bytes }: Entry): void {
  for (const event of list) builder.addEvent(event);
  builder.addBlobs(Blobs.of(bytes));
}

describe("a builder that builds one entry after the other", () => {
  it("builds each as a new builder would, whatever became of those before", () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 2, maxLength: 5 }), (entries) => {
        const builder = new EntryBuilder({ now: 0, wall: 0 }, 1);
        const built: [Uint8Array, Uint8Array][] = [];
        for (const [i, each] of entries.entries()) {
          const { at, fate, list, bytes } = each;
          builder.begin(at, i + 1);
          const fresh = new EntryBuilder(at, i + 1);
          assert.deepEqual(
            [builder.bytes, builder.eventCount, builder.blobCount, builder.nextBlob],
            [fresh.bytes, 0, 0, i + 1],
          );
          fill(builder, each);
          if (typeof fate !== "string") {
            assert.throws(() => {
              builder.addEvent(fate);
              builder.finish();
            });
          }
          if (fate !== "finished") continue;
          fill(fresh, each);
          assert.equal(builder.bytes, fresh.bytes);
          assert.equal(builder.eventCount, list.length);
          const one = builder.finish();
          const other = fresh.finish();
          assert.deepEqual(one, other);
          built.push([one.body, other.body]);
          assert.deepEqual(decodeEntry(one.body).events, list);
          assert.equal(builder.blobCount, bytes.length);
        }
        // What was built before is nobody's memory but its own.
        for (const [one, other] of built) assert.deepEqual(one, other);
      }),
    );
  });

  it("keeps nothing of a big entry but its room", () => {
    const builder = new EntryBuilder({ now: 1, wall: 2 }, 1);
    const large = Buffer.alloc(200_000, 7);
    for (let i = 0; i < 4_000; i++) builder.addEvent(grant({ lease: 50 + 2 * i, task: i * i }));
    builder.addBlobs(Blobs.of([large, large]));
    assert(builder.finish().body.length > 400_000);
    builder.begin({ now: 3, wall: 4 }, 3);
    builder.addEvent(grant());
    const small = builder.finish();
    const fresh = new EntryBuilder({ now: 3, wall: 4 }, 3);
    fresh.addEvent(grant());
    assert.deepEqual(small, fresh.finish());
    assert(small.body.buffer.byteLength < 200);
  });
});

describe("blobs", () => {
  it("are one after the other, however many chunks they come in", () => {
    fc.assert(
      fc.property(blobs, fc.array(fc.nat(), { maxLength: 5 }), (list, cuts) => {
        const joined = Buffer.concat(list);
        const places = [0, ...cuts.map((cut) => cut % (joined.length + 1)), joined.length];
        places.sort((a, b) => a - b);
        const chunks = places.slice(1).map((to, i) => joined.subarray(places[i], to));
        const lengths = list.map(({ length }) => length);
        const [cut, whole] = [new Blobs(chunks, lengths), Blobs.of(list)];
        assert.deepEqual([cut.count, cut.entryBytes], [whole.count, whole.entryBytes]);
        const [one, other] = [cut, whole].map((some) => {
          const builder = new EntryBuilder({ now: 1, wall: 2 }, 7);
          builder.addBlobs(some);
          return builder.finish();
        });
        assert.deepEqual(one, other);
        assert.deepEqual(Buffer.from(one?.section ?? []), joined);
      }),
    );
  });
});
