import assert from "node:assert/strict";
import { EventRecord, JournalEntry } from "@capstan/proto/capstan/journal/v1/entry.js";
import type { JobEnd } from "@capstan/proto/capstan/journal/v1/job_events.js";
import fc from "fast-check";
import { Blobs, decodeEntry, EntryBuilder } from "../../../src/journal/entry/index.js";
import { lastArm } from "../../../src/journal/entry/format.js";
import { JournalError } from "../../../src/journal/journal-error.js";
import { allSamples } from "./samples.js";

const builder = new EntryBuilder({ now: 1, wall: 2 }, 1);
for (const event of allSamples) builder.addEvent(event);
builder.addBlobs(Blobs.of([Buffer.from("some bytes")]));
const { body } = builder.finish();

const isKind = (kind: string) => (error: unknown) => {
  assert.ok(error instanceof JournalError, String(error));
  assert.equal(error.kind, kind, error.message);
  return true;
};

const header = Buffer.from([0x08, 1]);
const field = (number: number, bytes: Uint8Array) =>
  Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
/** An entry of one record, as bytes. */
const entryOf = (record: Uint8Array) => Buffer.concat([header, field(4, record)]);

describe("journal entries that cannot be read", () => {
  it("are refused as newer when their format is", () => {
    const newer = Buffer.from(body);
    newer[1] = 2;
    assert.throws(() => decodeEntry(newer), isKind("newer_format"));
    assert.throws(() => decodeEntry(newer), /later release.*format 2/);
  });

  it("are refused as newer when they have an event that is not known", () => {
    const record = Buffer.from([((lastArm + 1) * 8 + 2) | 0x80, (lastArm + 1) >> 4, 0]);
    assert.throws(() => decodeEntry(entryOf(record)), isKind("newer_format"));
  });

  it("are refused as newer when an event of columns has a field that is not known", () => {
    const record = field(
      1,
      Buffer.concat([field(2, Buffer.from([1])), field(15, Buffer.from([1]))]),
    );
    assert.throws(() => decodeEntry(entryOf(record)), isKind("newer_format"));
  });

  it("are refused as newer when they have a word or a field that is not known", () => {
    const value = { jobs: [1], runs: [1], ends: [99 as JobEnd] };
    const record = EventRecord.encode({ event: { $case: "jobFinishedV1", value } }).finish();
    assert.throws(() => decodeEntry(entryOf(record)), isKind("newer_format"));
    const more = Buffer.concat([header, field(9, Buffer.from("x"))]);
    assert.throws(() => decodeEntry(more), isKind("newer_format"));
  });

  it("have a row for every arm of the schema", () => {
    const known = new Set(JournalEntry.decode(body).events.map(({ event }) => event?.$case));
    assert.equal(known.size, lastArm);
  });

  it("throw cleanly wherever they are cut", () => {
    for (let end = 0; end < body.length; end++) {
      try {
        decodeEntry(body.subarray(0, end));
      } catch (error) {
        isKind("data_loss")(error);
        continue;
      }
      // A cut between two fields, before those of blobs, leaves a shorter entry that is whole.
      assert.ok(end >= 2 && end < body.length - 10, `cut at ${end}`);
    }
  });

  it("throw cleanly, or are read, whatever byte is changed", () => {
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const damaged = Buffer.from(body);
        damaged[at] = byte;
        try {
          decodeEntry(damaged);
        } catch (error) {
          assert.ok(error instanceof JournalError, String(error));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("are never empty", () => {
    assert.throws(() => decodeEntry(new Uint8Array(0)), isKind("data_loss"));
  });
});
