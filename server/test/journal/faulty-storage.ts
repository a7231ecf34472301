import { nodeStorage } from "../../src/journal/file/node-storage.js";
import { type Storage, type StorageFile } from "../../src/journal/file/storage.js";

/** Switches that both threads see. */
export class Faults {
  readonly shared: SharedArrayBuffer;
  readonly #switches: Int32Array;

  constructor(shared = new SharedArrayBuffer(16)) {
    this.shared = shared;
    this.#switches = new Int32Array(shared);
  }

  get diskFull(): boolean {
    return Atomics.load(this.#switches, 0) === 1;
  }
  set diskFull(on: boolean) {
    Atomics.store(this.#switches, 0, on ? 1 : 0);
  }
  get syncFails(): boolean {
    return Atomics.load(this.#switches, 1) === 1;
  }
  set syncFails(on: boolean) {
    Atomics.store(this.#switches, 1, on ? 1 : 0);
  }
  /** The writer's thread ends in the middle of a write. */
  get threadDies(): boolean {
    return Atomics.load(this.#switches, 2) === 1;
  }
  set threadDies(on: boolean) {
    Atomics.store(this.#switches, 2, on ? 1 : 0);
  }
  /** With the error of a sync goes the thread: right after it has told of it. */
  get threadDiesOfSync(): boolean {
    return Atomics.load(this.#switches, 3) === 1;
  }
  set threadDiesOfSync(on: boolean) {
    Atomics.store(this.#switches, 3, on ? 1 : 0);
  }
}

/** For the writer's thread: the disk, with switches. `data` is the buffer of {@link Faults}. */
export function createStorage(data: unknown): Storage {
  const faults = new Faults(data as SharedArrayBuffer);
  const disk = nodeStorage();
  return {
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (directory) => disk.list(directory),
    open: (path, mode) => faulty(disk.open(path, mode), faults),
    remove: (path) => disk.remove(path),
    rename: (from, to) => disk.rename(from, to),
    syncDirectory: (directory) => disk.syncDirectory(directory),
    lock: (directory) => disk.lock(directory),
  };
}

function faulty(file: StorageFile, faults: Faults): StorageFile {
  return {
    size: () => file.size(),
    read: (target, position) => file.read(target, position),
    readAsync: (target, position) => file.readAsync(target, position),
    write: (parts, position) => {
      if (faults.threadDies) process.exit(1);
      if (!faults.diskFull) {
        file.write(parts, position);
        return;
      }
      // Half of it goes in, as on a disk that fills up on the way.
      const whole = Buffer.concat(parts);
      file.write([whole.subarray(0, whole.length >> 1)], position);
      throw Object.assign(new Error("ENOSPC: simulated"), { code: "ENOSPC" });
    },
    sync: () => {
      if (faults.threadDiesOfSync) {
        process.nextTick(() => {
          throw new Error("the thread could not live with it");
        });
        throw Object.assign(new Error("EIO: simulated"), { code: "EIO" });
      }
      if (faults.syncFails) throw Object.assign(new Error("EIO: simulated"), { code: "EIO" });
      file.sync();
    },
    truncate: (bytes) => file.truncate(bytes),
    close: () => file.close(),
  };
}
