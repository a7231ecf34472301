/**
 * The seam between the file driver and a disk. The driver does all that it does to files through
 * these few calls, so that a simulated disk can tear, fill up, forget and fail under the very same
 * code.
 *
 * The calls are synchronous because they are made in the writer's own thread, in an order that
 * matters. Only `readAsync` is called from the event loop.
 *
 * An error carries the operating system's `code` (`ENOSPC`, `EIO`, …).
 */
export interface Storage {
  /** Makes a folder, and what is missing above it, durably. */
  makeDirectory(path: string): void;
  /** Names of the files in a folder, in any order. */
  list(directory: string): string[];
  /** `create` fails with EEXIST if the file is there; `read` and `write` with ENOENT if it is not. */
  open(path: string, mode: "read" | "write" | "create"): StorageFile;
  remove(path: string): void;
  /** Replaces what stands at `to`, in one step. */
  rename(from: string, to: string): void;
  /** Makes creations, removals and renames in a folder durable. */
  syncDirectory(directory: string): void;
  /**
   * Takes a folder for this process until it is released or the process is gone, however it went.
   *
   * @throws JournalError `locked`, naming the holder
   */
  lock(directory: string): StorageLock;
}

export interface StorageFile {
  size(): number;
  /** Reads up to `target.length` bytes; returns how many, 0 at the end of the file. */
  read(target: Uint8Array, position: number): number;
  /** As `read`, without holding up the event loop. */
  readAsync(target: Uint8Array, position: number): Promise<number>;
  /** Writes all parts, one after the other. If it throws, any part of them may have been written. */
  write(parts: readonly Uint8Array[], position: number): void;
  /** Returns once the bytes and the size are on the disk. If it throws, nobody knows what is. */
  sync(): void;
  truncate(bytes: number): void;
  close(): void;
}

export interface StorageLock {
  release(): void;
}

/**
 * No room: on the disk, in a quota, under the limit of a file's size that the process runs with
 * (`ulimit -f`). A write that fails so can be taken back and tried again.
 */
export function isDiskFull(error: unknown): boolean {
  const code = errorCode(error);
  return code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
}

export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** Reads until `target` is full or the file ends; returns how many bytes were read. */
export function readFully(file: StorageFile, target: Uint8Array, position: number): number {
  let filled = 0;
  while (filled < target.length) {
    const count = file.read(target.subarray(filled), position + filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

/** As {@link readFully}, without holding up the event loop. */
export async function readFullyAsync(
  file: StorageFile,
  target: Uint8Array,
  position: number,
): Promise<number> {
  let filled = 0;
  while (filled < target.length) {
    const count = await file.readAsync(target.subarray(filled), position + filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}
