import { digest, newState, type State } from "../../src/core/index.js";
import { replay } from "../../src/engine/replay.js";
import { openFileJournal } from "../../src/journal/file/file-journal.js";
import { SegmentFollower } from "../../src/journal/file/segment-follower.js";
import { SnapshotFiles } from "../../src/journal/file/snapshot-files.js";
import type { Journal, StoredEntry } from "../../src/journal/journal.js";
import { PayloadStore } from "../../src/payloads/payload-store.js";
import type { BuildOptions } from "../../src/snapshots/build.js";
import { loadSnapshot } from "../../src/snapshots/load.js";
import { PayloadSource } from "../../src/snapshots/payload-source.js";
import { record, write } from "../journal/golden/record.js";
import { SimulatedDisk } from "../journal/simulated-disk.js";

export const directory = "/journal";

/** A journal of several segments on a disk, closed; each blob in it says its number. */
export async function recordedDisk(seed: number, steps = 1_500): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  disk.makeDirectory(directory);
  await write(record(seed, steps), { directory, storage: disk });
  return disk;
}

export function openOn(storage: SimulatedDisk): Promise<Journal> {
  return openFileJournal({ directory, storage, writer: { kind: "inline" } });
}

/** What a snapshot through an entry is built from. */
export function buildingOn(disk: SimulatedDisk, journalId: string, through: number): BuildOptions {
  return {
    store: new SnapshotFiles(disk, directory, journalId),
    through,
    entries: (from) => entriesOn(disk, journalId, from, through),
  };
}

function* entriesOn(
  disk: SimulatedDisk,
  journalId: string,
  from: number,
  through: number,
): Generator<StoredEntry> {
  const follower = new SegmentFollower(disk, directory, journalId, from);
  for (;;) {
    const entries = follower.read(through);
    if (entries.length === 0) return;
    yield* entries;
  }
}

/** A master's memory, as far as it comes from its journal. */
export interface Memory {
  readonly state: State;
  readonly payloads: PayloadStore;
}

/** From the first entry on. */
export async function replayedFromZero(journal: Journal): Promise<Memory> {
  const memory = emptyMemory(journal);
  await replay(journal, 1, memory.state, memory.payloads);
  return memory;
}

/** From the newest snapshot and the entries after it. */
export async function replayedFromSnapshot(disk: SimulatedDisk, journal: Journal): Promise<Memory> {
  const source = new PayloadSource(journal);
  const memory = emptyMemory(journal, source);
  const store = new SnapshotFiles(disk, directory, journal.id);
  const [newest] = await store.list();
  if (newest === undefined) throw new Error("there is no snapshot");
  const { head, records } = await loadSnapshot(store, newest, memory);
  source.use({ records, bytes: store.open(newest.index) });
  await replay(journal, newest.index + 1, memory.state, memory.payloads, head);
  return memory;
}

function emptyMemory(journal: Journal, source?: PayloadSource): Memory {
  const readBytes =
    source?.readBytes ??
    ((index: number, offset: number, length: number) => journal.readBytes(index, offset, length));
  return { state: newState(), payloads: new PayloadStore({ budgetBytes: 0, readBytes }) };
}

/** The state, and the bytes of every blob that is still needed, in one text. */
export async function sayAll({ state, payloads }: Memory): Promise<string> {
  const bytes: string[] = [];
  for (const { blobs } of payloads.live()) {
    for (const blob of blobs) bytes.push(Buffer.from(await payloads.get(blob)).toString());
  }
  return JSON.stringify([digest(state), bytes]);
}
