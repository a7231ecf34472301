import type { State } from "../core/index.js";
import type { ReadJournal, StoredEntry } from "../journal/journal.js";
import { dataLoss, JournalError, type JournalPlace } from "../journal/journal-error.js";
import type { SnapshotInfo, SnapshotStore } from "../journal/snapshot-store.js";
import type { PayloadStore } from "../payloads/payload-store.js";
import { entryMark } from "./build.js";
import type { SnapshotHead } from "./format.js";
import { loadSnapshot } from "./load.js";
import { PayloadSource } from "./payload-source.js";

/** What a master starts from, beside the entries of its journal. */
export interface SnapshotStart {
  /** 0: there is none. */
  readonly newestIndex: number;
  readonly previousIndex: number;
  /** Where payload bytes are read back. */
  readonly source: PayloadSource;
  /**
   * Fills a state and a store with what the newest snapshot has.
   *
   * @returns what it stands for; undefined: there is none, and the journal is whole
   * @throws JournalError `data_loss` with the place
   */
  readonly load: (memory: {
    readonly state: State;
    readonly payloads: PayloadStore;
  }) => Promise<SnapshotHead | undefined>;
}

/**
 * Looks at the snapshots of a journal: each is verified by its checksum, the newest when it is loaded, and what
 * they cover is held against what the journal still has.
 *
 * @throws JournalError `data_loss` if a snapshot is damaged, or if entries are in neither
 */
export async function startFromSnapshots(
  store: SnapshotStore,
  journal: ReadJournal,
): Promise<SnapshotStart> {
  const [newest, ...older] = await store.list();
  for (const { index } of older) await readThrough(store.read(index));
  refuseGap(journal, newest?.index ?? 0);
  const source = new PayloadSource(journal);
  return {
    newestIndex: newest?.index ?? 0,
    previousIndex: older[0]?.index ?? 0,
    source,
    load: async (memory) => {
      if (newest === undefined) return undefined;
      const { head, records } = await loadSnapshot(store, newest, memory);
      await refuseOtherStory(journal, newest, head, store.placeOf(newest.index, 0));
      source.use({ records, bytes: store.open(newest.index) });
      return head;
    },
  };
}

async function readThrough(contents: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of contents) void chunk;
}

/** Are the entries after the newest snapshot all there? */
function refuseGap({ firstIndex, lastIndex }: ReadJournal, newestIndex: number): void {
  if (firstIndex <= newestIndex + 1) return;
  const gone = `entries ${String(newestIndex + 1)} to ${String(firstIndex - 1)} are gone`;
  const kept = `the journal has entries ${String(firstIndex)} to ${String(lastIndex)}`;
  const covered = newestIndex === 0 ? "no snapshot covers them" : `snapshots end before them`;
  throw new JournalError("data_loss", `DATA_LOSS: ${gone}, and ${covered}: ${kept}`);
}

/** A journal that was put back to an earlier day and went on from there tells another story than the snapshot. */
async function refuseOtherStory(
  journal: ReadJournal,
  { index }: SnapshotInfo,
  head: SnapshotHead,
  place: JournalPlace,
): Promise<void> {
  if (index < journal.firstIndex) return;
  let found: StoredEntry | undefined;
  for await (const entry of journal.read(index)) {
    found = entry;
    break;
  }
  const mark = found === undefined ? undefined : entryMark(found);
  if (mark?.epoch === head.epoch && mark.bodySha256 === head.bodySha256) return;
  const what = `entry ${String(index)} of the journal is not the one that the snapshot ends with`;
  throw dataLoss(what, place);
}
