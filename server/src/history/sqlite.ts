import type { DatabaseSyncInstance, StatementSyncInstance } from "@photostructure/sqlite";

export type Database = DatabaseSyncInstance;
export type Statement = StatementSyncInstance;

const SQLITE_BUSY = 5;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;

/** SQLite's own words, for the calls of the driver that tell no code (`all` and `iterate`, in 1.2.1). */
const codesByMessage: Readonly<Record<string, number>> = {
  "database is locked": SQLITE_BUSY,
  "disk I/O error": SQLITE_IOERR,
  "database disk image is malformed": SQLITE_CORRUPT,
  "database or disk is full": SQLITE_FULL,
  "file is not a database": SQLITE_NOTADB,
};

/** What lies in the file is nothing that this release can use: damaged, or of an earlier format. */
export class UnfitError extends Error {
  override readonly name = "UnfitError";
}

/** Does an error say that the file is damaged, no database at all, or of no use otherwise? */
export function isDamage(error: unknown): boolean {
  if (error instanceof UnfitError) return true;
  return [SQLITE_CORRUPT, SQLITE_NOTADB].includes(codeOf(error));
}

/** Does an error say that the file could not be written or read now, and may be later? */
export function isPassing(error: unknown): boolean {
  return [SQLITE_BUSY, SQLITE_IOERR, SQLITE_FULL].includes(codeOf(error));
}

/** 0: it is no error of SQLite's, or none that matters here. */
function codeOf(error: unknown): number {
  if (!(error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR")) return 0;
  const code = "errcode" in error ? error.errcode : undefined;
  // Extended codes keep the primary one in their low byte.
  return typeof code === "number" ? code & 0xff : (codesByMessage[error.message] ?? 0);
}
