import { join } from "node:path";
import { segmentName } from "./format.js";
import { type Storage, type StorageFile } from "./storage.js";

const OPEN_MAX = 16;

interface Handle {
  readonly file: StorageFile;
  users: number;
}

/** The segments that are open for reading: the latest used few, and any that is in use. */
export class SegmentFiles {
  readonly #storage: Storage;
  readonly #directory: string;
  /** By first index, the least recently used first. */
  readonly #handles = new Map<number, Handle>();

  constructor(storage: Storage, directory: string) {
    this.#storage = storage;
    this.#directory = directory;
  }

  async use<T>(firstIndex: number, read: (file: StorageFile) => Promise<T>): Promise<T> {
    const handle = this.#take(firstIndex);
    handle.users += 1;
    try {
      return await read(handle.file);
    } finally {
      handle.users -= 1;
      this.#trim(OPEN_MAX);
    }
  }

  /** Closes all that is not in use; the rest follows when it is given back. */
  close(): void {
    this.#trim(0);
  }

  #take(firstIndex: number): Handle {
    const known = this.#handles.get(firstIndex);
    const path = join(this.#directory, segmentName(firstIndex));
    const handle = known ?? { file: this.#storage.open(path, "read"), users: 0 };
    this.#handles.delete(firstIndex);
    this.#handles.set(firstIndex, handle);
    return handle;
  }

  #trim(keep: number): void {
    let excess = this.#handles.size - keep;
    for (const [firstIndex, handle] of this.#handles) {
      if (excess <= 0) return;
      if (handle.users > 0) continue;
      this.#handles.delete(firstIndex);
      handle.file.close();
      excess -= 1;
    }
  }
}
