import { createHash } from "node:crypto";
import { join } from "node:path";
import { dataLoss, JournalError, type JournalPlace } from "../journal-error.js";
import {
  type SnapshotBytes,
  type SnapshotInfo,
  snapshotsKept,
  type SnapshotStore,
} from "../snapshot-store.js";
import { reasonOf } from "./folder-reason.js";
import {
  decodeSnapshotHeader,
  decodeSnapshotTrailer,
  encodeSnapshotHeader,
  encodeSnapshotTrailer,
  parseSnapshotName,
  SNAPSHOT_HEADER_BYTES,
  SNAPSHOT_TRAILER_BYTES,
  snapshotName,
  UNFINISHED_SUFFIX,
} from "./snapshot-format.js";
import {
  errorCode,
  isDiskFull,
  readFully,
  readFullyAsync,
  type Storage,
  type StorageFile,
} from "./storage.js";

const CHUNK_BYTES = 1024 * 1024;
/** Synced so often while it is written: the journal's own fsync would wait for all of it at the end. */
const SYNC_BYTES = 4 * 1024 * 1024;

/** Snapshots beside the segments of a file journal, one file each. */
export class SnapshotFiles implements SnapshotStore {
  readonly #storage: Storage;
  readonly #directory: string;
  readonly #journalId: string;

  /** @param journalId 32 hex digits */
  constructor(storage: Storage, directory: string, journalId: string) {
    this.#storage = storage;
    this.#directory = directory;
    this.#journalId = journalId;
  }

  async list(): Promise<readonly SnapshotInfo[]> {
    return this.listNow();
  }

  /** As {@link list}, at once. */
  listNow(): readonly SnapshotInfo[] {
    return this.#all().filter(({ journalId }) => journalId === this.#journalId);
  }

  /** Names of snapshots that are not of this journal. @throws JournalError as {@link list} */
  strangers(): readonly string[] {
    return this.#all().flatMap(({ journalId, index }) => {
      return journalId === this.#journalId ? [] : [snapshotName(index)];
    });
  }

  #all(): SnapshotInfo[] {
    return snapshotsIn(this.#storage, this.#directory).map((index) => this.#infoOf(index));
  }

  async write(
    { index, formatVersion }: Pick<SnapshotInfo, "index" | "formatVersion">,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    check: (readBack: AsyncIterable<Uint8Array>) => Promise<void> = async () => undefined,
  ): Promise<SnapshotInfo> {
    this.removeUnfinished();
    const name = snapshotName(index);
    const aside = this.#path(`${String(index)}${UNFINISHED_SUFFIX}`);
    try {
      const header = { journalId: this.#journalId, index, formatVersion };
      const { bytes, sha256 } = await this.#writeAside(aside, header, chunks);
      await check(this.#contents(aside, name, { bytes, sha256 }));
      this.#storage.rename(aside, this.#path(name));
      this.#storage.syncDirectory(this.#directory);
      this.#removeOld();
      return { ...header, bytes, sha256 };
    } catch (error) {
      this.#giveUp();
      if (error instanceof JournalError) throw error;
      const [kind, what] = isDiskFull(error)
        ? (["disk_full", "no room on the disk for a snapshot"] as const)
        : (["failed", "a snapshot could not be written"] as const);
      throw new JournalError(kind, what, { place: { segment: name }, cause: error });
    }
  }

  read(index: number): AsyncIterable<Uint8Array> {
    const name = snapshotName(index);
    return this.#contents(this.#path(name), name);
  }

  placeOf(index: number, offset: number): JournalPlace {
    return { segment: snapshotName(index), offset: SNAPSHOT_HEADER_BYTES + offset };
  }

  open(index: number): SnapshotBytes {
    const name = snapshotName(index);
    const file = this.#open(this.#path(name), name);
    return {
      read: async (offset, length) => {
        const bytes = Buffer.allocUnsafeSlow(length);
        const at = SNAPSHOT_HEADER_BYTES + offset;
        const count = await readFullyAsync(file, bytes, at);
        if (count === length) return bytes;
        throw dataLoss("the snapshot has become shorter", { segment: name, offset: at });
      },
      close: () => {
        file.close();
      },
    };
  }

  /** Removes what a crash, or a process that ended, left of a snapshot in the making. */
  removeUnfinished(): void {
    for (const name of this.#storage.list(this.#directory)) {
      if (name.endsWith(UNFINISHED_SUFFIX)) this.#storage.remove(this.#path(name));
    }
  }

  async #writeAside(
    path: string,
    header: { readonly journalId: string; readonly index: number; readonly formatVersion: number },
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<Pick<SnapshotInfo, "bytes" | "sha256">> {
    const file = this.#storage.open(path, "create");
    try {
      file.write([encodeSnapshotHeader(header)], 0);
      const hash = createHash("sha256");
      let bytes = 0;
      let unsynced = 0;
      for await (const chunk of chunks) {
        file.write([chunk], SNAPSHOT_HEADER_BYTES + bytes);
        hash.update(chunk);
        bytes += chunk.length;
        unsynced += chunk.length;
        if (unsynced < SYNC_BYTES) continue;
        file.sync();
        unsynced = 0;
      }
      const sha256 = hash.digest();
      file.write([encodeSnapshotTrailer({ bytes, sha256 })], SNAPSHOT_HEADER_BYTES + bytes);
      file.sync();
      return { bytes, sha256: sha256.toString("hex") };
    } finally {
      file.close();
    }
  }

  /** @param written what it must say of itself; absent: whatever it says */
  async *#contents(
    path: string,
    name: string,
    written?: Pick<SnapshotInfo, "bytes" | "sha256">,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const file = this.#open(path, name);
    try {
      const { bytes, sha256 } = this.#ends(file, name);
      if (written !== undefined && (written.bytes !== bytes || written.sha256 !== sha256)) {
        throw dataLoss("the snapshot reads back differently", { segment: name });
      }
      const hash = createHash("sha256");
      for (let at = 0; at < bytes;) {
        const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, bytes - at));
        if (read(file, chunk, SNAPSHOT_HEADER_BYTES + at, name) < chunk.length) {
          const offset = SNAPSHOT_HEADER_BYTES + at;
          throw dataLoss("the snapshot has become shorter", { segment: name, offset });
        }
        hash.update(chunk);
        at += chunk.length;
        yield chunk;
      }
      if (hash.digest("hex") === sha256) return;
      const offset = SNAPSHOT_HEADER_BYTES;
      throw dataLoss("the snapshot's contents fail their checksum", { segment: name, offset });
    } finally {
      file.close();
    }
  }

  #infoOf(index: number): SnapshotInfo {
    const name = snapshotName(index);
    const file = this.#open(this.#path(name), name);
    try {
      return this.#ends(file, name);
    } finally {
      file.close();
    }
  }

  /** What a file says of itself at its beginning and its end. */
  #ends(file: StorageFile, name: string): SnapshotInfo {
    const size = file.size();
    const header = Buffer.alloc(SNAPSHOT_HEADER_BYTES);
    const whole = header.subarray(0, read(file, header, 0, name));
    const decoded = decodeSnapshotHeader(whole, name);
    if (snapshotName(decoded.index) !== name && !name.endsWith(UNFINISHED_SUFFIX)) {
      const what = `the snapshot is of entry ${String(decoded.index)}: a copy of another`;
      throw dataLoss(what, { segment: name, offset: 0 });
    }
    const offset = Math.max(SNAPSHOT_HEADER_BYTES, size - SNAPSHOT_TRAILER_BYTES);
    const trailer = Buffer.alloc(SNAPSHOT_TRAILER_BYTES);
    const end = trailer.subarray(0, read(file, trailer, offset, name));
    return { ...decoded, ...decodeSnapshotTrailer(end, name, offset) };
  }

  #open(path: string, name: string): StorageFile {
    try {
      return this.#storage.open(path, "read");
    } catch (cause) {
      if (errorCode(cause) !== "ENOENT") throw cannotRead(name, cause);
      throw new JournalError("data_loss", "DATA_LOSS: the snapshot is gone", {
        place: { segment: name },
        cause,
      });
    }
  }

  /** One that cannot be removed does no harm, and goes when the next is written: the new one counts all the same. */
  #removeOld(): void {
    const old = this.listNow().slice(snapshotsKept);
    try {
      for (const { index } of old) this.#storage.remove(this.#path(snapshotName(index)));
      if (old.length > 0) this.#storage.syncDirectory(this.#directory);
    } catch {
      // Whatever it is that does not let it go, the next that is written meets it too.
    }
  }

  /** Best effort: what cannot be removed now is removed before the next is written. */
  #giveUp(): void {
    try {
      this.removeUnfinished();
      this.#storage.syncDirectory(this.#directory);
    } catch {
      // The reason why it was given up says more.
    }
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

/** As {@link readFully}. @throws JournalError `failed` */
function read(file: StorageFile, target: Buffer, position: number, name: string): number {
  try {
    return readFully(file, target, position);
  } catch (error) {
    throw cannotRead(name, error);
  }
}

/** It may be whole: nobody has seen. */
function cannotRead(segment: string, cause: unknown): JournalError {
  const message = `the snapshot cannot be read: ${reasonOf(cause)}`;
  return new JournalError("failed", message, { place: { segment }, cause });
}

/** @throws JournalError `data_loss` where a snapshot is of another journal, or as {@link SnapshotFiles.list} */
export function refuseStrangers(store: SnapshotFiles): void {
  const [segment] = store.strangers();
  if (segment !== undefined) throw dataLoss("the snapshot is of another journal", { segment });
}

/** The entries for which there are snapshots in a folder, by their names alone; newest first. */
export function snapshotsIn(storage: Storage, directory: string): number[] {
  return storage
    .list(directory)
    .flatMap((name) => parseSnapshotName(name) ?? [])
    .sort((a, b) => b - a);
}
