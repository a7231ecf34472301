import { closeSync, existsSync, openSync, renameSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { DatabaseSync } from "@photostructure/sqlite";
import { reasonOf } from "../journal/file/folder-reason.js";
import { JournalError } from "../journal/journal-error.js";
import { applicationId, formatVersion, schema } from "./schema.js";
import { type Database, isDamage, UnfitError } from "./sqlite.js";

/** Where nothing is kept beyond the process. */
export const inMemory = ":memory:";

/** A file that was no good, and where it lies now. */
export interface SetAside {
  readonly path: string;
  readonly reason: string;
}

/**
 * Opens the file of the history, or begins one.
 *
 * @param path of the file, or {@link inMemory}
 * @throws JournalError `newer_format` if a later release wrote it; `failed` if it cannot be opened; what
 *   {@link isDamage} knows if it is damaged
 */
export function openDatabase(path: string): Database {
  try {
    return openAt(path);
  } catch (error) {
    if (isDamage(error) || error instanceof JournalError) throw error;
    const why = reasonOf(error);
    throw new JournalError("failed", `the history ${path} cannot be opened: ${why}`, {
      cause: error,
    });
  }
}

/** Renames a file with all that SQLite keeps beside it. The database must be closed. */
export function moveAside(path: string, reason: string): SetAside {
  let number = 1;
  while (existsSync(`${path}.aside-${String(number)}`)) number += 1;
  const aside = `${path}.aside-${String(number)}`;
  for (const suffix of ["", "-wal", "-shm"]) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  return { path: aside, reason };
}

function openAt(path: string): Database {
  // It holds what tasks were given and what they put out: nobody else's business, as the journal.
  if (path !== inMemory) closeSync(openSync(path, "a", 0o600));
  const database = new DatabaseSync(path);
  try {
    check(database, path);
    // Commits are synced: what the checkpoint says must hold after a power cut.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    database.exec("PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -16000");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function check(database: Database, path: string): void {
  if (isEmpty(database)) {
    database.exec("PRAGMA page_size = 8192");
    database.exec(
      `BEGIN; ${schema} PRAGMA application_id = ${String(applicationId)};
       PRAGMA user_version = ${String(formatVersion)}; COMMIT`,
    );
    return;
  }
  refuseUnfit(database, path);
}

function isEmpty(database: Database): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;
}

function refuseUnfit(database: Database, path: string): void {
  const version = pragma(database, "user_version");
  if (pragma(database, "application_id") !== applicationId) {
    throw new JournalError("failed", `${path} is no history of Capstan: move it away`);
  }
  if (version < formatVersion) {
    throw new UnfitError(`it is of an earlier format (${String(version)})`);
  }
  if (version > formatVersion) {
    throw new JournalError(
      "newer_format",
      `${path} was written by a later release of Capstan (format ${String(version)}, this one reads ` +
        `${String(formatVersion)}): start that release or a later one, or move the file away to have ` +
        "it built anew from the journal",
    );
  }
}

function pragma(database: Database, name: "user_version" | "application_id"): number {
  return (database.prepare(`PRAGMA ${name}`).get() as Record<string, number>)[name] ?? 0;
}

/** What the history in a file says of itself. */
export interface Peeked {
  /** The last entry of its journal that it has for good: a journal that ends before it has lost data. */
  readonly checkpoint: number;
  /** Why no master starts beside it; undefined: nothing is wrong with it, or a start puts it right. */
  readonly refusal: JournalError | undefined;
}

/** Looks at the history in a file, without changing anything. One that is not there, or damaged, has seen nothing. */
export function peekHistory(path: string): Peeked {
  let database: Database | undefined;
  try {
    if (!existsSync(path)) return nothingSeen;
    database = new DatabaseSync(untouched(path), { readOnly: true });
    return { checkpoint: checkpointIn(database), refusal: refusalOf(database, path) };
  } catch {
    // Whatever is wrong with it is put right, or said, when it is opened.
    return nothingSeen;
  } finally {
    database?.close();
  }
}

const nothingSeen: Peeked = { checkpoint: 0, refusal: undefined };

function checkpointIn(database: Database): number {
  const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").get();
  if (table === undefined) return 0;
  const row = database.prepare("SELECT value FROM meta WHERE key = 'checkpoint'").get() as
    { value: number } | undefined;
  return row?.value ?? 0;
}

function refusalOf(database: Database, path: string): JournalError | undefined {
  try {
    if (!isEmpty(database)) refuseUnfit(database, path);
    return undefined;
  } catch (error) {
    if (error instanceof JournalError) return error;
    // A start moves it aside.
    if (error instanceof UnfitError) return undefined;
    throw error;
  }
}

/** Without a log to read beside it SQLite would lay an empty one there. Source: https://sqlite.org/uri.html */
function untouched(path: string): string | URL {
  if (existsSync(`${path}-wal`)) return path;
  const url = pathToFileURL(path);
  url.searchParams.set("immutable", "1");
  return url;
}
