import type { DatabaseSyncInstance, StatementSyncInstance } from "@photostructure/sqlite";

export type Database = DatabaseSyncInstance;
export type Statement = StatementSyncInstance;

const SQLITE_BUSY = 5;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;

/** Does an error say that the file is damaged, or no database at all? */
export function isDamage(error: unknown): boolean {
  return [SQLITE_CORRUPT, SQLITE_NOTADB].includes(codeOf(error));
}

/** Does an error say that the file could not be written or read now, and may be later? */
export function isPassing(error: unknown): boolean {
  return [SQLITE_BUSY, SQLITE_IOERR, SQLITE_FULL].includes(codeOf(error));
}

/** 0: it is no error of SQLite's. */
function codeOf(error: unknown): number {
  if (!(error instanceof Error && "errcode" in error)) return 0;
  // Extended codes keep the primary one in their low byte.
  return typeof error.errcode === "number" ? error.errcode & 0xff : 0;
}
