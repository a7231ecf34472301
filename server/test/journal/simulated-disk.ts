import { basename, dirname, join } from "node:path";
import { JournalError } from "../../src/journal/journal-error.js";
import {
  type Storage,
  type StorageFile,
  type StorageLock,
} from "../../src/journal/file/storage.js";
import { Inode, type PowerCut } from "./simulated-file.js";

export type { PowerCut } from "./simulated-file.js";

/** What the disk did to whoever used it, counted in {@link SimulatedDisk.seen}. */
export type DiskFault =
  | "disk_full"
  | "write_failed"
  | "sync_failed"
  | "pages_dropped"
  | "read_failed"
  | "short_read"
  | "open_failed"
  | "truncate_failed"
  | "power_cut"
  | "name_lost";

/** A change of a folder that was made and not synced. */
interface NameChange {
  readonly directory: string;
  carryOut(names: Map<string, Inode>): void;
}

/**
 * A disk in memory that forgets what was not synced, fills up and fails on demand, under the file
 * driver's own code: the twin of `nodeStorage`, held to the same contract. Each fault is one field, and
 * nothing is drawn but from the source that is passed in, so that a simulator can choose.
 *
 * Its calls take no time; `slowly` (`slow-disk.ts`) makes an inline writer wait for them. What befalls
 * files at rest is in `disk-damage.ts`.
 */
export class SimulatedDisk implements Storage {
  /** Bytes that may still be written; a write that needs more writes this many and fails. */
  freeBytes = Infinity;
  /** Bytes that may still be written before writes fail with EIO, in the middle of one if need be. */
  bytesUntilWriteFails = Infinity;
  /** Each sync of a file or a folder fails. */
  syncFails = false;
  /** As which it fails: ENOSPC is what a file system says that finds room for data only when it syncs. */
  syncErrorCode: "EIO" | "ENOSPC" = "EIO";
  /**
   * A sync of a file that fails takes what it could not write for written, as Linux does: another sync
   * says that all is well, and the data is gone once the cache is ({@link dropCaches}, a power cut).
   */
  failedSyncDropsPages = false;
  truncateFails = false;
  readFails = false;
  openFails = false;
  /** No read gives more than so many bytes at once. */
  readBytesMax = Infinity;
  /** Syncs of files that succeeded. */
  syncs = 0;
  /** How often each fault took effect. */
  readonly seen = new Map<DiskFault, number>();
  #durableNames = new Map<string, Inode>();
  #names = new Map<string, Inode>();
  #nameChanges: NameChange[] = [];
  readonly #directories = new Set<string>();
  #locked = new Set<string>();
  #life = 0;

  makeDirectory(path: string): void {
    if (this.#names.has(path)) throw systemError("EEXIST");
    for (let at = path; !this.#directories.has(at); at = dirname(at)) this.#directories.add(at);
  }

  list(directory: string): string[] {
    if (!this.#directories.has(directory)) throw systemError("ENOENT");
    return [...this.#names.keys()]
      .filter((path) => dirname(path) === directory)
      .map((path) => basename(path));
  }

  open(path: string, mode: "read" | "write" | "create"): StorageFile {
    if (this.openFails) throw this.fault("open_failed", "EIO");
    let inode = this.#names.get(path);
    if (mode === "create") {
      if (inode !== undefined) throw systemError("EEXIST");
      if (!this.#directories.has(dirname(path))) throw systemError("ENOENT");
      if (this.freeBytes <= 0) throw this.fault("disk_full", "ENOSPC");
      const created = (inode = new Inode());
      this.#change(path, (names) => names.set(path, created));
    }
    if (inode === undefined) throw systemError("ENOENT");
    return new SimulatedFile(this, inode, this.#life);
  }

  remove(path: string): void {
    const inode = this.#names.get(path);
    if (inode === undefined) throw systemError("ENOENT");
    this.#change(path, (names) => names.delete(path));
    this.freeBytes += inode.visible.length;
  }

  rename(from: string, to: string): void {
    const inode = this.#names.get(from);
    if (inode === undefined) throw systemError("ENOENT");
    this.#change(to, (names) => {
      names.delete(from);
      names.set(to, inode);
    });
  }

  syncDirectory(directory: string): void {
    if (!this.#directories.has(directory)) throw systemError("ENOENT");
    if (this.syncFails) throw this.fault("sync_failed", this.syncErrorCode);
    const isDue = (change: NameChange) => change.directory === directory;
    for (const change of this.#nameChanges.filter(isDue)) change.carryOut(this.#durableNames);
    this.#nameChanges = this.#nameChanges.filter((change) => !isDue(change));
  }

  lock(directory: string): StorageLock {
    if (!this.#directories.has(directory)) throw systemError("ENOENT");
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
    this.#life += 1;
  }

  /** The power goes: the process with it, and of what was not synced as much as the cut says. */
  cutPower(cut: PowerCut): void {
    this.killProcess();
    this.count("power_cut");
    for (const change of this.#nameChanges) {
      if (survives(cut)) change.carryOut(this.#durableNames);
      else this.count("name_lost");
    }
    this.#nameChanges = [];
    this.#names = new Map(this.#durableNames);
    for (const inode of this.#names.values()) inode.cutPower(cut);
  }

  /** The cache is needed for something else: what a failed sync dropped is seen no more. */
  dropCaches(): void {
    for (const inode of this.#names.values()) inode.evict();
  }

  /** The contents of a file, for a test to look at. */
  contents(path: string): Buffer {
    const inode = this.#names.get(path);
    if (inode === undefined) throw systemError("ENOENT");
    return Buffer.from(inode.visible.bytes);
  }

  sizeOf(path: string): number {
    return this.#names.get(path)?.visible.length ?? 0;
  }

  /** Puts a file there, durably, as somebody else would. */
  plant(path: string, bytes: Uint8Array): void {
    this.makeDirectory(dirname(path));
    const inode = Inode.of(bytes);
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
  }

  /** A bit turns over where it lies, also for those who have the file open. */
  flipBit(path: string, byte: number, bit: number): void {
    const inode = this.#names.get(path);
    if (inode === undefined) throw systemError("ENOENT");
    inode.flipBit(byte, bit);
  }

  /** Takes a file away, durably, as somebody else would. */
  removeForGood(path: string): void {
    this.#names.delete(path);
    this.#durableNames.delete(path);
  }

  /** A disk with the same files, to damage. */
  copy(): SimulatedDisk {
    const copy = new SimulatedDisk();
    for (const directory of this.#directories) copy.makeDirectory(directory);
    for (const [path, inode] of this.#names) copy.plant(path, inode.visible.bytes);
    return copy;
  }

  paths(directory: string): string[] {
    return this.list(directory)
      .sort()
      .map((name) => join(directory, name));
  }

  count(fault: DiskFault): void {
    this.seen.set(fault, (this.seen.get(fault) ?? 0) + 1);
  }

  /** Counts a fault, and makes the error that it is told by. */
  fault(fault: DiskFault, code: string): Error {
    this.count(fault);
    return systemError(code);
  }

  isDead(life: number): boolean {
    return life !== this.#life;
  }

  #change(path: string, carryOut: (names: Map<string, Inode>) => void): void {
    carryOut(this.#names);
    this.#nameChanges.push({ directory: dirname(path), carryOut });
  }
}

/** An open file of one process: of no more use once that is dead. */
class SimulatedFile implements StorageFile {
  readonly #disk: SimulatedDisk;
  readonly #inode: Inode;
  readonly #life: number;

  constructor(disk: SimulatedDisk, inode: Inode, life: number) {
    this.#disk = disk;
    this.#inode = inode;
    this.#life = life;
  }

  size(): number {
    this.#refuseTheDead();
    return this.#inode.visible.length;
  }

  read(target: Uint8Array, position: number): number {
    this.#refuseTheDead();
    if (this.#disk.readFails) throw this.#disk.fault("read_failed", "EIO");
    const bytes = Math.min(target.length, this.#disk.readBytesMax);
    if (bytes < target.length) this.#disk.count("short_read");
    const found = this.#inode.visible.bytes.subarray(position, position + bytes);
    target.set(found);
    return found.length;
  }

  async readAsync(target: Uint8Array, position: number): Promise<number> {
    return this.read(target, position);
  }

  write(parts: readonly Uint8Array[], position: number): void {
    this.#refuseTheDead();
    const disk = this.#disk;
    const whole = Buffer.concat(parts);
    const bytes = whole.subarray(0, Math.min(disk.freeBytes, disk.bytesUntilWriteFails));
    disk.freeBytes -= bytes.length;
    disk.bytesUntilWriteFails -= bytes.length;
    this.#inode.write(position, bytes);
    if (bytes.length === whole.length) return;
    if (disk.bytesUntilWriteFails <= 0) throw disk.fault("write_failed", "EIO");
    throw disk.fault("disk_full", "ENOSPC");
  }

  sync(): void {
    this.#refuseTheDead();
    const disk = this.#disk;
    if (disk.syncFails) {
      if (disk.failedSyncDropsPages) {
        this.#inode.dropPending();
        disk.count("pages_dropped");
      }
      throw disk.fault("sync_failed", disk.syncErrorCode);
    }
    disk.syncs += 1;
    this.#inode.sync();
  }

  truncate(bytes: number): void {
    this.#refuseTheDead();
    if (this.#disk.truncateFails) throw this.#disk.fault("truncate_failed", "EIO");
    this.#disk.freeBytes += this.#inode.visible.length - bytes;
    this.#inode.truncate(bytes);
  }

  close(): void {
    // Nothing is held.
  }

  #refuseTheDead(): void {
    if (this.#disk.isDead(this.#life)) throw systemError("EBADF");
  }
}

function survives(cut: PowerCut): boolean {
  switch (cut.kind) {
    case "none_of_it":
      return false;
    case "all_of_it":
      return true;
    case "some_sectors":
    case "some_bytes":
      return cut.random() < 0.5;
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}
