import type { History } from "../../../src/history/history.js";
import { SegmentFollower } from "../../../src/journal/file/segment-follower.js";
import { SnapshotFiles } from "../../../src/journal/file/snapshot-files.js";
import type { Journal, StoredEntry } from "../../../src/journal/journal.js";
import { buildSnapshot } from "../../../src/snapshots/build.js";
import type { Building } from "../../../src/snapshots/builder.js";
import { SnapshotKeeper, type SnapshotNews } from "../../../src/snapshots/keeper.js";
import { startFromSnapshots, type SnapshotStart } from "../../../src/snapshots/start.js";
import type { Gate } from "../gates.js";
import type { ProcessClock } from "../process-clock.js";
import { journalDirectory, type MasterDisk } from "./disk.js";

interface SnapshotParts {
  readonly disk: MasterDisk;
  readonly journal: Journal;
  readonly clock: ProcessClock;
  /** Closed segments after which one is made; 0: never. */
  readonly everySegments: number;
  /** How long the making of the next one takes. */
  readonly buildMs: () => number;
  readonly gate: (gate: Gate) => void;
}

/** The snapshots of one process of the master: the very ones, but that the builder's thread is a timer. */
export class SimulatedSnapshots {
  /** @throws JournalError `data_loss` */
  static async open(parts: SnapshotParts): Promise<SimulatedSnapshots> {
    const store = new SnapshotFiles(parts.disk.storage, journalDirectory, parts.journal.id);
    store.removeUnfinished();
    const start = await startFromSnapshots(store, parts.journal);
    if (start.newestIndex > 0) parts.gate("a master started from a snapshot");
    return new SimulatedSnapshots(parts, store, start);
  }

  private constructor(
    private readonly parts: SnapshotParts,
    private readonly store: SnapshotFiles,
    readonly start: SnapshotStart,
  ) {}

  /** From now on snapshots are made, and the journal is cut below them and what history has. */
  keep(onDurable: (then: () => void) => void, history: History): void {
    const { journal, clock, everySegments } = this.parts;
    const { newestIndex, previousIndex, source } = this.start;
    const keeper = new SnapshotKeeper({
      ...{ journal, store: this.store, source, everySegments, newestIndex, previousIndex },
      build: (through) => this.#build(through),
      checkpoint: () => history.checkpoint,
      onNews: (news) => {
        const gate = gatesOfNews[news.kind];
        if (gate !== undefined) this.parts.gate(gate);
      },
    });
    onDurable(() => {
      if (!clock.isDead) keeper.look();
    });
    history.onSynced(() => {
      if (!clock.isDead) void keeper.cut();
    });
  }

  #build(through: number): Building {
    const { clock, buildMs } = this.parts;
    const entries = (from: number) => this.#closedEntries(from, through);
    const finished = new Promise<Awaited<ReturnType<typeof buildSnapshot>>>((resolve, reject) => {
      clock.setTimer(buildMs(), () => {
        buildSnapshot({ store: this.store, through, entries }).then(resolve, reject);
      });
    });
    return { finished, stop: () => Promise.resolve() };
  }

  *#closedEntries(from: number, through: number): Generator<StoredEntry> {
    const { disk, journal } = this.parts;
    const follower = new SegmentFollower(disk.storage, journalDirectory, journal.id, from);
    for (let some = follower.read(through); some.length > 0; some = follower.read(through)) {
      yield* some;
    }
  }
}

const gatesOfNews: Readonly<Record<SnapshotNews["kind"], Gate | undefined>> = {
  built: "a snapshot was made",
  cut: "the journal was cut below a snapshot",
  not_built: "a snapshot could not be made",
  pinned: undefined,
  not_cut: undefined,
};
