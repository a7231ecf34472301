import type { DatabaseSyncInstance, StatementSyncInstance } from "@photostructure/sqlite";
import { isDiskFull } from "../journal/file/storage.js";
import { SqliteCode, sqliteCodeOf } from "../journal/file/sqlite-code.js";
import { JournalError } from "../journal/journal-error.js";

export type Database = DatabaseSyncInstance;
export type Statement = StatementSyncInstance;

const damages: readonly number[] = [SqliteCode.corrupt, SqliteCode.notADatabase];
const passing: readonly number[] = [SqliteCode.busy, SqliteCode.ioError, SqliteCode.full];

/** What lies in the file is nothing that this release can use: damaged, or of an earlier format. */
export class UnfitError extends Error {
  override readonly name = "UnfitError";
}

/** Does an error say that the file is damaged, no database at all, or of no use otherwise? */
export function isDamage(error: unknown): boolean {
  if (error instanceof UnfitError) return true;
  return damages.includes(sqliteCodeOf(error));
}

/** Does an error say that the file could not be opened, written or read now, and may be later? */
export function isPassing(error: unknown): boolean {
  const cause = error instanceof JournalError ? error.cause : error;
  return passing.includes(sqliteCodeOf(cause)) || isDiskFull(cause);
}
