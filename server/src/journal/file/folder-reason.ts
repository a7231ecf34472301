import { SqliteCode, sqliteCodeOf } from "./sqlite-code.js";

/** Why a folder cannot hold a journal, in words for whoever named it. */
export function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  const known = reasons[code ?? ""];
  if (known !== undefined) return known;
  return unwritable.includes(sqliteCodeOf(error))
    ? "this user may not write into it"
    : error.message;
}

const reasons: Readonly<Record<string, string>> = {
  EEXIST: "it is a file, not a folder",
  ENOTDIR: "a part of its path is a file, not a folder",
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "the disk is read-only",
  ENOSPC: "the disk is full",
  ENOENT: "the system makes no folder there",
};

/** The lock is a database, and all that it says of a folder that it may not write is that. */
const unwritable: readonly number[] = [SqliteCode.cannotOpen, SqliteCode.readOnly];
