/** Codes of SQLite's, as far as they say something here. Source: https://sqlite.org/rescode.html */
export const SqliteCode = {
  busy: 5,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
} as const;

/** SQLite's own words, for the calls of the driver that tell no code (`all` and `iterate`, in 1.2.1). */
const codesByMessage: Readonly<Record<string, number>> = {
  "database is locked": SqliteCode.busy,
  "disk I/O error": SqliteCode.ioError,
  "database disk image is malformed": SqliteCode.corrupt,
  "database or disk is full": SqliteCode.full,
  "file is not a database": SqliteCode.notADatabase,
};

/** The code of an error of SQLite's. @returns 0 when it is none, or tells none */
export function sqliteCodeOf(error: unknown): number {
  if (!(error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR")) return 0;
  const code = "errcode" in error ? error.errcode : undefined;
  // Extended codes keep the primary one in their low byte.
  return typeof code === "number" ? code & 0xff : (codesByMessage[error.message] ?? 0);
}
