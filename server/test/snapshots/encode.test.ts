import assert from "node:assert/strict";
import type { State } from "../../src/core/index.js";
import { emptyTarget } from "../../src/snapshots/build.js";
import { encodeSnapshot } from "../../src/snapshots/encode.js";
import { SectionKind, SectionWriter } from "../../src/snapshots/format.js";
import { loadContents } from "../../src/snapshots/load.js";
import { RecordIndex } from "../../src/snapshots/payload-records.js";
import { stateDigest } from "../../src/snapshots/state-digest.js";
import { Machine } from "../core/support/machine.js";
import { defaultPolicy, Scenario, slots } from "../core/support/scenario.js";

const mib = 1024 * 1024;
const head = { index: 1, epoch: 1, bodySha256: "", lastNow: 0, nextBlob: 1 };

/** The sections of a snapshot of a state, each as its beginning and its body. */
async function piecesOf(state: State): Promise<Uint8Array[]> {
  const source = { head, state, payloads: (async function* () {})() };
  const pieces: Uint8Array[] = [];
  for await (const piece of encodeSnapshot(source, new RecordIndex())) {
    pieces.push(Buffer.from(piece));
  }
  return pieces;
}

async function loaded(pieces: readonly Uint8Array[]): Promise<State> {
  const contents = (async function* () {
    yield* pieces;
  })();
  const target = emptyTarget();
  await loadContents(contents, (offset) => ({ segment: "snapshot", offset }), target);
  return target.state;
}

function largest(pieces: readonly Uint8Array[]): number {
  return Math.max(...pieces.map(({ length }) => length));
}

describe("the sections of a snapshot", () => {
  it("stay small where each of thousands of jobs has a large spec of its own", async () => {
    const machine = new Machine(undefined, false);
    const jobs = 2_000;
    for (let i = 0; i < jobs; i++) {
      machine.run({
        kind: "submit_job",
        spec: {
          namespace: "default",
          name: "traced",
          labels: [],
          onTaskFailure: { kind: "fail_fast" },
          trace: { traceparent: "", tracestate: "", baggage: `${String(i)}=${"x".repeat(4_000)}` },
          uploadTtlMs: 60_000,
          stages: [
            {
              name: "main",
              dependsOn: [],
              partitions: 1,
              task: { type: "work", demand: [slots(1)], constraints: [], policy: defaultPolicy },
            },
          ],
        },
        idempotencyKey: "",
        fingerprint: "f",
        moreToUpload: false,
        tasks: [],
      });
    }
    machine.state.takeFreed();
    const pieces = await piecesOf(machine.state);
    assert(pieces.reduce((sum, { length }) => sum + length, 0) > 7 * mib);
    assert(largest(pieces) < 2 * mib, `a section of ${String(largest(pieces))} bytes`);
    const again = await loaded(pieces);
    assert.equal(again.jobs.size, jobs);
    assert.equal(stateDigest(again), stateDigest(machine.state));
  });

  it("stay small where the partitions of a stage lie on many hosts", async () => {
    const story = new Scenario({ checks: false });
    const partitions = 1_000;
    const stages = [{ tasks: 100, partitions }, { tasks: 1 }];
    story.submit({ stages });
    story.worker({ capacity: [slots(100)], credit: 100 });
    for (const [task, grant] of story.place().entries()) {
      const host = `host-${String(task)}`;
      const outputs = Array.from({ length: partitions }, (_, partition) => {
        return { partition, bodyBytes: 0, dataBytes: 1_000_000_000 + task, hosts: [host] };
      });
      story.complete(grant, outputs);
    }
    const { state } = story.machine;
    assert.equal(state.stage(0).partitionHosts?.get(partitions - 1)?.size, 100);
    state.takeFreed();
    const pieces = await piecesOf(state);
    assert(largest(pieces) < 1.2 * mib, `a section of ${String(largest(pieces))} bytes`);
    assert.equal(stateDigest(await loaded(pieces)), stateDigest(state));
  });

  it("are not written larger than whoever reads them takes", () => {
    const body = new Uint8Array(64 * mib + 1);
    const write = () => new SectionWriter().section(SectionKind.rows, "workers", 0, body);
    assert.throws(write, /a section workers of 67108865 bytes/);
  });
});
