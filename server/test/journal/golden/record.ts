import { createHash } from "node:crypto";
import type { Command, CoreEvent, Decision, JobReply, Stamp } from "../../../src/core/index.js";
import { eventTasksMax } from "../../../src/core/index.js";
import { Blobs, EntryBuilder } from "../../../src/journal/entry/index.js";
import {
  type FileJournalOptions,
  openFileJournal,
} from "../../../src/journal/file/file-journal.js";
import { Machine } from "../../core/support/machine.js";
import { Prng } from "../../core/support/prng.js";
import { Workload } from "../../core/support/workload.js";

/** Segments are small, so that a short story has several. */
const segmentBytes = 16 * 1_024;
const entryEventsMax = 40;
const beganAt = Date.UTC(2026, 10, 26);

/** What became of the commands of one entry. */
export interface Recorded {
  readonly stamp: Stamp;
  readonly firstBlob: number;
  readonly events: CoreEvent[];
  blobs: number;
}

/** Keeps what became of each command, as entries. */
class RecordingMachine extends Machine {
  readonly entries: Recorded[] = [];

  override run(command: Command, blobs = 0): Decision {
    const { firstBlob } = this.context;
    const before = this.journal.length;
    const decision = super.run(command, blobs);
    const applied = this.journal.slice(before);
    const first = applied[0];
    if (first === undefined) return decision;
    const entry = this.#entryFor(first.stamp, firstBlob);
    entry.events.push(...applied.map(({ event }) => event));
    entry.blobs += this.context.firstBlob - firstBlob;
    return decision;
  }

  /** All events of an entry share its stamp. */
  #entryFor(stamp: Stamp, firstBlob: number): Recorded {
    const last = this.entries[this.entries.length - 1];
    const isSame = last?.stamp.now === stamp.now && last.stamp.wall === stamp.wall;
    if (last !== undefined && isSame && last.events.length < entryEventsMax) return last;
    const entry = { stamp, firstBlob, events: [], blobs: 0 };
    this.entries.push(entry);
    return entry;
  }
}

/** What random clients and workers came to, as entries. The same for the same seed. */
export function record(seed: number, steps: number): readonly Recorded[] {
  const random = new Prng(seed);
  const machine = new RecordingMachine(random.uint32, false);
  // The wall clock is set back by up to an hour, and no journal knows dates before 1970.
  machine.now = beganAt;
  const workload = new Workload(machine, random);
  for (let step = 0; step < steps; step++) workload.step();
  leave(machine);
  return machine.entries;
}

/** A job comes that is larger than one event covers, as no random one is; it is called off, and all leaves. */
function leave(machine: Machine): void {
  const namespace = "golden";
  const task = { bodyBytes: 0, hosts: [], inputBytes: 0, delayMs: 0, recordCount: 0 };
  const spec = [...machine.state.jobs].find(({ stageCount }) => stageCount === 1)?.spec;
  if (spec === undefined) throw new Error("no job of one stage is left: take another seed");
  const large: Command = {
    kind: "submit_job",
    spec: { ...spec, namespace },
    ...{ idempotencyKey: "large", fingerprint: "large", moreToUpload: false },
    tasks: [{ stage: 0, tasks: Array.from({ length: eventTasksMax + 1 }, () => task) }],
  };
  const decision = machine.run(large, eventTasksMax + 1);
  if (!decision.ok) throw new Error(decision.rejection.message);
  const { jobId } = decision.reply as JobReply;
  machine.run({ kind: "cancel_job", namespace, jobId, note: "for the record" });
  machine.followUp();
  machine.now += 1;
  machine.note({ kind: "note_projected", through: machine.now });
  for (const ms of [machine.settings.retireAfterMs, machine.settings.keyRetentionMs]) {
    machine.now += ms;
    machine.tick();
  }
}

/** Writes entries by the file driver: each blob says its number. */
export async function write(
  entries: readonly Recorded[],
  options: Pick<FileJournalOptions, "directory" | "storage">,
): Promise<void> {
  const journal = await openFileJournal({
    ...options,
    segmentBytes,
    newJournalId: createHash("md5").update("golden").digest(),
    writer: { kind: "inline" },
  });
  await journal.claim();
  for (const { stamp, firstBlob, events, blobs } of entries) {
    const builder = new EntryBuilder(stamp, firstBlob);
    for (const event of events) builder.addEvent(event);
    const chunks = Array.from({ length: blobs }, (_, i) => Buffer.from(`blob ${firstBlob + i}`));
    builder.addBlobs(Blobs.of(chunks));
    await journal.append(builder.finish().body);
  }
  await journal.close();
}
