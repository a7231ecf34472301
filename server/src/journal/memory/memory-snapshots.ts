import { createHash } from "node:crypto";
import { dataLoss, type JournalPlace } from "../journal-error.js";
import {
  type SnapshotBytes,
  type SnapshotInfo,
  snapshotsKept,
  type SnapshotStore,
} from "../snapshot-store.js";

interface Kept {
  readonly info: SnapshotInfo;
  readonly contents: Uint8Array;
}

/** Snapshots of a journal in memory: for tests and the simulator. */
export class MemorySnapshots implements SnapshotStore {
  readonly #journalId: string;
  /** Newest first. */
  #kept: Kept[] = [];

  constructor(journalId: string) {
    this.#journalId = journalId;
  }

  async list(): Promise<readonly SnapshotInfo[]> {
    return this.#kept.map(({ info }) => info);
  }

  async write(
    { index, formatVersion }: Pick<SnapshotInfo, "index" | "formatVersion">,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    check: (readBack: AsyncIterable<Uint8Array>) => Promise<void> = async () => undefined,
  ): Promise<SnapshotInfo> {
    const pieces: Uint8Array[] = [];
    for await (const chunk of chunks) pieces.push(new Uint8Array(chunk));
    const contents = Buffer.concat(pieces);
    const sha256 = createHash("sha256").update(contents).digest("hex");
    const info = {
      journalId: this.#journalId,
      index,
      formatVersion,
      bytes: contents.length,
      sha256,
    };
    await check(whole(contents));
    const others = this.#kept.filter((one) => one.info.index !== index);
    this.#kept = [{ info, contents }, ...others].sort((a, b) => b.info.index - a.info.index);
    this.#kept.length = Math.min(this.#kept.length, snapshotsKept);
    return info;
  }

  async *read(index: number): AsyncGenerator<Uint8Array, void, undefined> {
    yield* whole(this.#find(index).contents);
  }

  placeOf(index: number, offset: number): JournalPlace {
    return { segment: `${String(index)}.snapshot in memory`, offset };
  }

  open(index: number): SnapshotBytes {
    const { contents } = this.#find(index);
    return {
      read: async (offset, length) => contents.slice(offset, offset + length),
      close: () => undefined,
    };
  }

  #find(index: number): Kept {
    const kept = this.#kept.find(({ info }) => info.index === index);
    if (kept !== undefined) return kept;
    throw dataLoss("there is no such snapshot", { segment: "memory", index });
  }
}

async function* whole(contents: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield contents;
}
