import { basename, dirname, join } from "node:path";
import { JournalError } from "../../src/journal/journal-error.js";
import {
  type Storage,
  type StorageFile,
  type StorageLock,
} from "../../src/journal/file/storage.js";

interface Write {
  readonly position: number;
  readonly bytes: Buffer;
}

/** A file: what is on the platter, what the process sees, and the writes between the two. */
class Inode {
  durable = Buffer.alloc(0);
  visible = Buffer.alloc(0);
  unsynced: Write[] = [];
}

/** What a power cut leaves of the writes that were not synced. */
export type PowerCut =
  | { readonly kind: "none_of_it" }
  | { readonly kind: "all_of_it" }
  /** Pieces of 512 bytes arrive or not, by the draw; those that do not may read as zeros. */
  | { readonly kind: "some_sectors"; readonly random: () => number };

const SECTOR_BYTES = 512;

/**
 * A disk in memory that forgets what was not synced, fills up and fails on demand, under the file
 * driver's own code. One folder.
 */
export class SimulatedDisk implements Storage {
  /** Bytes that may still be written; a write that needs more writes this many and fails. */
  freeBytes = Infinity;
  syncFails = false;
  truncateFails = false;
  readFails = false;
  syncs = 0;
  readonly #durableNames = new Map<string, Inode>();
  readonly #names = new Map<string, Inode>();
  #locked = new Set<string>();

  makeDirectory(): void {
    // There is one folder, and it is there.
  }

  list(directory: string): string[] {
    return [...this.#names.keys()]
      .filter((path) => dirname(path) === directory)
      .map((p) => basename(p));
  }

  open(path: string, mode: "read" | "write" | "create"): StorageFile {
    let inode = this.#names.get(path);
    if (mode === "create") {
      if (inode !== undefined) throw systemError("EEXIST");
      if (this.freeBytes <= 0) throw systemError("ENOSPC");
      inode = new Inode();
      this.#names.set(path, inode);
    }
    if (inode === undefined) throw systemError("ENOENT");
    return new SimulatedFile(this, inode);
  }

  remove(path: string): void {
    if (!this.#names.delete(path)) throw systemError("ENOENT");
  }

  rename(from: string, to: string): void {
    const inode = this.#names.get(from);
    if (inode === undefined) throw systemError("ENOENT");
    this.#names.delete(from);
    this.#names.set(to, inode);
  }

  syncDirectory(): void {
    if (this.syncFails) throw systemError("EIO");
    this.#durableNames.clear();
    for (const [path, inode] of this.#names) this.#durableNames.set(path, inode);
  }

  lock(directory: string): StorageLock {
    if (this.#locked.has(directory)) {
      throw new JournalError("locked", `the journal in ${directory} is held by the simulation`);
    }
    const holders = this.#locked;
    holders.add(directory);
    return { release: () => void holders.delete(directory) };
  }

  /** The process dies and the machine goes on: its locks are free, and what it wrote is still seen. */
  killProcess(): void {
    this.#locked = new Set();
  }

  /** The power goes: locks and everything that was not synced with it. */
  cutPower(cut: PowerCut): void {
    this.#locked = new Set();
    const names = cut.kind === "none_of_it" ? this.#durableNames : this.#names;
    for (const inode of names.values()) {
      inode.visible = afterCut(inode, cut);
      inode.durable = Buffer.from(inode.visible);
      inode.unsynced = [];
    }
    const kept = [...names];
    this.#names.clear();
    this.#durableNames.clear();
    for (const [path, inode] of kept) {
      this.#names.set(path, inode);
      this.#durableNames.set(path, inode);
    }
  }

  /** The contents of a file, for a test to look at. */
  contents(path: string): Buffer {
    const inode = this.#names.get(path);
    if (inode === undefined) throw systemError("ENOENT");
    return Buffer.from(inode.visible);
  }

  /** Puts a file there, durably, as somebody else would. */
  plant(path: string, bytes: Uint8Array): void {
    const inode = new Inode();
    inode.visible = Buffer.from(bytes);
    inode.durable = Buffer.from(bytes);
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
  }

  /** A disk with the same files, to damage. */
  copy(): SimulatedDisk {
    const copy = new SimulatedDisk();
    for (const [path, inode] of this.#names) copy.plant(path, inode.visible);
    return copy;
  }

  paths(directory: string): string[] {
    return this.list(directory)
      .sort()
      .map((name) => join(directory, name));
  }
}

class SimulatedFile implements StorageFile {
  readonly #disk: SimulatedDisk;
  readonly #inode: Inode;

  constructor(disk: SimulatedDisk, inode: Inode) {
    this.#disk = disk;
    this.#inode = inode;
  }

  size(): number {
    return this.#inode.visible.length;
  }

  read(target: Uint8Array, position: number): number {
    if (this.#disk.readFails) throw systemError("EIO");
    return this.#inode.visible.copy(target, 0, position, position + target.length);
  }

  async readAsync(target: Uint8Array, position: number): Promise<number> {
    return this.read(target, position);
  }

  write(parts: readonly Uint8Array[], position: number): void {
    const whole = Buffer.concat(parts);
    const bytes = whole.subarray(0, Math.min(whole.length, this.#disk.freeBytes));
    this.#disk.freeBytes -= bytes.length;
    this.#inode.visible = written(this.#inode.visible, { position, bytes });
    this.#inode.unsynced.push({ position, bytes });
    if (bytes.length < whole.length) throw systemError("ENOSPC");
  }

  sync(): void {
    if (this.#disk.syncFails) throw systemError("EIO");
    this.#disk.syncs += 1;
    this.#inode.durable = Buffer.from(this.#inode.visible);
    this.#inode.unsynced = [];
  }

  truncate(bytes: number): void {
    if (this.#disk.truncateFails) throw systemError("EIO");
    this.#disk.freeBytes += this.#inode.visible.length - bytes;
    this.#inode.visible = Buffer.from(this.#inode.visible.subarray(0, bytes));
  }

  close(): void {
    // Nothing is held.
  }
}

function afterCut(inode: Inode, cut: PowerCut): Buffer<ArrayBuffer> {
  switch (cut.kind) {
    case "none_of_it":
      return Buffer.from(inode.durable);
    case "all_of_it":
      return Buffer.from(inode.visible);
    case "some_sectors": {
      let bytes = Buffer.from(inode.durable);
      for (const { position, bytes: all } of inode.unsynced) {
        for (let at = 0; at < all.length;) {
          const room = SECTOR_BYTES - ((position + at) % SECTOR_BYTES);
          const sector = all.subarray(at, at + room);
          const draw = cut.random();
          if (draw < 0.5) bytes = written(bytes, { position: position + at, bytes: sector });
          else if (draw < 0.7) {
            bytes = written(bytes, { position: position + at, bytes: Buffer.alloc(sector.length) });
          }
          at += sector.length;
        }
      }
      return bytes;
    }
  }
}

function written(into: Buffer, { position, bytes }: Write): Buffer<ArrayBuffer> {
  const result = Buffer.alloc(Math.max(into.length, position + bytes.length));
  into.copy(result);
  bytes.copy(result, position);
  return result;
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}
