import * as fs from "node:fs";
import { dirname, resolve } from "node:path";
import { lockDirectory } from "./directory-lock.js";
import { type Storage, type StorageFile, type StorageLock } from "./storage.js";

/** The disk. */
export function nodeStorage(): Storage {
  return new NodeStorage();
}

class NodeStorage implements Storage {
  makeDirectory(path: string): void {
    // Not `recursive`: in /proc, where making a folder fails with ENOENT though its parent is there,
    // Node would try for ever.
    for (const missing of missingFolders(resolve(path))) {
      try {
        fs.mkdirSync(missing);
      } catch (error) {
        // Somebody else was faster.
        if (!isFolder(missing)) throw error;
      }
      // Its parent has to remember it.
      this.syncDirectory(dirname(missing));
    }
  }

  list(directory: string): string[] {
    return fs.readdirSync(directory);
  }

  open(path: string, mode: "read" | "write" | "create"): StorageFile {
    const flags = { read: "r", write: "r+", create: "wx+" }[mode];
    return new NodeFile(fs.openSync(path, flags, 0o600));
  }

  remove(path: string): void {
    fs.unlinkSync(path);
  }

  rename(from: string, to: string): void {
    fs.renameSync(from, to);
  }

  syncDirectory(directory: string): void {
    const descriptor = fs.openSync(directory, "r");
    try {
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
  }

  lock(directory: string): StorageLock {
    return lockDirectory(directory);
  }
}

/** The folders on the way to a path that are not there, the topmost first. */
function missingFolders(path: string): readonly string[] {
  const missing: string[] = [];
  for (let at = path; !isFolder(at); at = dirname(at)) {
    missing.unshift(at);
    if (at === dirname(at)) break;
  }
  return missing;
}

function isFolder(path: string): boolean {
  return fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

class NodeFile implements StorageFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  size(): number {
    return fs.fstatSync(this.#descriptor).size;
  }

  read(target: Uint8Array, position: number): number {
    return fs.readSync(this.#descriptor, target, 0, target.length, position);
  }

  readAsync(target: Uint8Array, position: number): Promise<number> {
    return new Promise((done, failed) => {
      fs.read(this.#descriptor, target, 0, target.length, position, (error, count) => {
        if (error === null) done(count);
        else failed(error);
      });
    });
  }

  write(parts: readonly Uint8Array[], position: number): void {
    let rest = parts;
    let at = position;
    while (rest.length > 0) {
      const written = fs.writevSync(this.#descriptor, rest, at);
      at += written;
      rest = after(rest, written);
    }
  }

  /**
   * fdatasync: it waits for the bytes and for what is needed to read them back, the size among it.
   * On macOS libuv makes it F_FULLFSYNC, which reaches the platter and not only the drive's cache.
   * Source: https://github.com/libuv/libuv/blob/v1.x/src/unix/fs.c (uv__fs_fdatasync)
   */
  sync(): void {
    fs.fdatasyncSync(this.#descriptor);
  }

  truncate(bytes: number): void {
    fs.ftruncateSync(this.#descriptor, bytes);
  }

  close(): void {
    fs.closeSync(this.#descriptor);
  }
}

/** The parts that remain when the first `written` bytes are gone: a write may be shorter than asked. */
function after(parts: readonly Uint8Array[], written: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = written;
  for (const part of parts) {
    if (skip < part.length) rest.push(part.subarray(skip));
    skip = Math.max(0, skip - part.length);
  }
  return rest;
}
