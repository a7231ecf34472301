import assert from "node:assert/strict";
import { JournalEntry } from "@capstan/proto/capstan/journal/v1/entry.js";
import fc from "fast-check";
import type { CoreEvent, EventOf } from "../../../src/core/index.js";
import { Blobs, decodeEntry, EntryBuilder } from "../../../src/journal/entry/index.js";
import { blobs, events, stamp } from "./arbitraries.js";
import { allSamples, grant, kind, samples, spec, submit, success } from "./samples.js";

const now = { now: 1_000, wall: 1_790_000_000_000 };

function build(list: readonly CoreEvent[], bytes: readonly Uint8Array[] = [], at = now, first = 1) {
  const builder = new EntryBuilder(at, first);
  for (const event of list) builder.addEvent(event);
  builder.addBlobs(Blobs.of(bytes));
  return builder.finish();
}

const recordsIn = (body: Uint8Array) => JournalEntry.decode(body).events;

describe("journal entries", () => {
  for (const [type, list] of Object.entries(samples)) {
    for (const [i, event] of list.entries()) {
      it(`give back ${type}, sample ${i + 1} of ${list.length}`, () => {
        assert.deepEqual(decodeEntry(build([event]).body).events, [event]);
      });
    }
  }

  it("give back any events in their order, their stamp and their blobs", () => {
    fc.assert(
      fc.property(
        stamp,
        fc.integer({ min: 1, max: 2 ** 52 }),
        events,
        blobs,
        (at, first, list, bytes) => {
          const { body, section, sectionOffset, lengths } = build(list, bytes, at, first);
          const entry = decodeEntry(body);
          assert.deepEqual(entry.events, list);
          assert.deepEqual(entry.stamp, at);
          assert.equal(entry.firstBlob, bytes.length === 0 ? 0 : first);
          assert.deepEqual([...entry.lengths], lengths);
          assert.equal(entry.sectionOffset, sectionOffset);
          assert.deepEqual(entry.section, section);
          assert.deepEqual(Buffer.from(section), Buffer.concat(bytes));
        },
      ),
    );
  });

  it("are read by the generated code, which writes what is read here", () => {
    fc.assert(
      fc.property(stamp, events, blobs, (at, list, bytes) => {
        const { body } = build(list, bytes, at);
        const again = JournalEntry.encode(JournalEntry.decode(body)).finish();
        assert.deepEqual(decodeEntry(again).events, list);
        assert.deepEqual(decodeEntry(again).stamp, at);
        assert.deepEqual(Buffer.from(decodeEntry(again).section), Buffer.concat(bytes));
        // Both write fields in the order of their numbers and the shortest varints.
        assert.deepEqual(Buffer.from(again), Buffer.from(body));
      }),
    );
  });

  it("mean by each column what the schema says", () => {
    const { body } = build([
      grant({ lease: 100, task: 5, ahead: true }),
      grant({ lease: 101, task: 6, ahead: false }),
    ]);
    const [record] = recordsIn(body);
    assert.deepEqual(record?.event, {
      $case: "leaseGrantedV1",
      value: {
        firstLease: 100n,
        tasks: [5, 6],
        workers: [7],
        runs: [2],
        generations: [3],
        deliveries: [300],
        attempts: [4],
        epochs: [12],
        drawsHigh: [2 ** 32 - 1],
        drawsLow: [2 ** 31],
        ahead: [1, 0],
        levels: [2],
      },
    });
  });

  it("write jobs of one spec that follow each other as one record, with the spec once", () => {
    const plain = { bodyBytes: 9, hosts: [], inputBytes: 0, delayMs: 0, recordCount: 0 };
    const tasks = [{ stage: 0, tasks: [plain] }];
    const list = Array.from({ length: 10 }, (_, i) =>
      submit({ job: i, firstTask: 40 + i, firstBlob: 50 + i, opened: [0], tasks }),
    );
    assert.equal(recordsIn(build(list).body).length, 1);
    const read = decodeEntry(build(list).body).events as EventOf<"job_submitted">[];
    assert.deepEqual(read, list);
    assert.equal(new Set(read.map((event) => event.spec)).size, 1);
    const other = submit({ job: 10, firstTask: 50, firstBlob: 60, tasks, spec: { ...spec } });
    assert.equal(recordsIn(build([...list, other]).body).length, 2);
    const gap = submit({ job: 10, firstTask: 51, firstBlob: 60, tasks });
    assert.equal(recordsIn(build([...list, gap]).body).length, 2);
  });

  it("write grants and successes that follow each other as one record each", () => {
    const list: CoreEvent[] = [];
    for (let i = 0; i < 10; i++) list.push(grant({ lease: 50 + i }));
    for (let i = 0; i < 10; i++) list.push(success({ lease: 50 + i }));
    assert.equal(recordsIn(build(list).body).length, 2);
    list.splice(5, 0, { type: "job_sealed", version: 1, job: 1 });
    assert.equal(recordsIn(build(list).body).length, 4);
    assert.deepEqual(decodeEntry(build(list).body).events, list);
  });

  it("cut a long run", () => {
    const list: CoreEvent[] = [];
    for (let i = 0; i < 5_000; i++) list.push(grant({ lease: 50 + i, task: i }));
    for (let i = 0; i < 5_000; i++) list.push(success({ lease: 50 + i, task: i }));
    const { body } = build(list);
    assert.equal(recordsIn(body).length, 10);
    assert.deepEqual(decodeEntry(body).events, list);
  });

  it("make one object of equal kinds of task, and keep it apart from others", () => {
    const [first] = samples.tasks_added as readonly EventOf<"tasks_added">[];
    const own = first?.tasks[1];
    assert.ok(first !== undefined && own !== undefined);
    const tasks = [own, { ...own, kind: structuredClone(kind) }, ...first.tasks];
    const [added] = decodeEntry(build([{ ...first, tasks }]).body).events;
    const kinds = (added as EventOf<"tasks_added">).tasks.map((task) => task.kind);
    assert.equal(new Set(kinds.filter((one) => one !== undefined)).size, 2);
    assert.equal(kinds[0], kinds[1]);
    assert.deepEqual(kinds[0], kind);
  });

  it("know a size at all times that is never below the real one, and little above it", () => {
    fc.assert(
      fc.property(stamp, events, blobs, (at, list, bytes) => {
        const builder = new EntryBuilder(at, 2 ** 52);
        const check = (n: number, m: number) => {
          const real = build(list.slice(0, n), bytes.slice(0, m), at, 2 ** 52).body.length;
          assert.ok(builder.bytes >= real, `${builder.bytes} for ${real}`);
          assert.ok(builder.bytes <= 1.8 * real + 600, `${builder.bytes} for ${real}`);
        };
        for (const [i, event] of list.entries()) {
          builder.addEvent(event);
          if (i % 7 === 0) check(i + 1, 0);
        }
        builder.addBlobs(Blobs.of(bytes));
        check(list.length, bytes.length);
      }),
      { numRuns: 50 },
    );
  });

  it("count events and blobs and name the next blob", () => {
    const builder = new EntryBuilder(now, 17);
    assert.deepEqual([builder.eventCount, builder.blobCount, builder.nextBlob], [0, 0, 17]);
    builder.addEvent(grant());
    builder.addBlobs(Blobs.of([new Uint8Array(3), new Uint8Array(0)]));
    assert.deepEqual([builder.eventCount, builder.blobCount, builder.nextBlob], [1, 2, 19]);
    assert.deepEqual(builder.finish().lengths, [3, 0]);
  });

  it("own their whole buffer, and are moved away with their blobs", () => {
    const { body, section, sectionOffset } = build(allSamples, [
      Buffer.from("ab"),
      Buffer.from("c"),
    ]);
    assert.equal(body.byteOffset, 0);
    assert.equal(body.buffer.byteLength, body.length);
    assert.equal(Buffer.from(body.subarray(sectionOffset)).toString(), "abc");
    assert.equal(Buffer.from(section).toString(), "abc");
    structuredClone(body, { transfer: [body.buffer as ArrayBuffer] });
    assert.deepEqual([body.length, section.length], [0, 0]);
  });

  it("refuse numbers that cannot be written", () => {
    for (const lease of [-1, 1.5, NaN, Infinity, 2 ** 53]) {
      assert.throws(() => build([grant({ lease }), success({ lease })]), `${lease}`);
    }
  });
});
