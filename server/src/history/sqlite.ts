import type { DatabaseSyncInstance, StatementSyncInstance } from "@photostructure/sqlite";

export type Database = DatabaseSyncInstance;
export type Statement = StatementSyncInstance;

const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/** Does an error say that the file is damaged, or no database at all? */
export function isDamage(error: unknown): boolean {
  if (!(error instanceof Error && "errcode" in error)) return false;
  if (typeof error.errcode !== "number") return false;
  // Extended codes keep the primary one in their low byte.
  const code = error.errcode & 0xff;
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB;
}
