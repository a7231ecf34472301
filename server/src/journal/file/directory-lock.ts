import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { JournalError } from "../journal-error.js";
import { SqliteCode, sqliteCodeOf } from "./sqlite-code.js";
import { type StorageLock } from "./storage.js";

const LOCK_FILE = "lock";
const HOLDER_FILE = "lock-holder.json";

/**
 * Keeps a second master out of a folder on the same machine, with a lock that the operating system
 * takes back when the process ends, by `kill -9` too: there is never a stale one, and so never a
 * person who has to decide whether it is stale.
 *
 * Node has no call for such a lock. SQLite, which the server carries anyway, takes one (fcntl byte
 * ranges on POSIX, LockFileEx on Windows) for an open exclusive transaction; the file stays empty.
 * docs/adr/0002-journal-lock.md has the alternatives.
 *
 * Nothing else in this process may open the lock file: POSIX drops a process's locks on a file when
 * *any* descriptor of it is closed. The holder is therefore named in a file beside it, which is for
 * the message only and proves nothing.
 */
export function lockDirectory(directory: string): StorageLock {
  const holderPath = join(directory, HOLDER_FILE);
  const database = new DatabaseSync(join(directory, LOCK_FILE));
  try {
    // In memory, so that SQLite's rollback journal never appears beside the lock.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    throw sqliteCodeOf(error) === SqliteCode.busy ? locked(directory, holderPath, error) : error;
  }
  const release = (): void => {
    process.removeListener("exit", release);
    if (!database.isOpen) return;
    removeQuietly(holderPath);
    database.close();
  };
  // The listener is also what holds on to the database: collected as garbage it would let go.
  process.once("exit", release);
  const holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  try {
    writeFileSync(holderPath, JSON.stringify(holder));
  } catch (error) {
    release();
    throw error;
  }
  return { release };
}

/** One that stays proves nothing; it may be another user's. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The lock is what counts.
  }
}

function locked(directory: string, holderPath: string, cause: unknown): JournalError {
  return new JournalError(
    "locked",
    `the journal in ${directory} is held by ${holderOf(holderPath)}: stop that master, or give this ` +
      "one another data directory (the lock ends with its process; there is nothing to delete)",
    { cause },
  );
}

function holderOf(path: string): string {
  try {
    const holder: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof holder === "object" && holder !== null && "pid" in holder && "host" in holder) {
      const since = "since" in holder ? `, since ${String(holder.since)}` : "";
      return `process ${String(holder.pid)} on host ${String(holder.host)}${since}`;
    }
  } catch {
    // It is being written, or gone again; the lock itself has spoken.
  }
  return "another process";
}
