import { join } from "node:path";
import { SqliteCode, sqliteCodeOf } from "./sqlite-code.js";

/**
 * Why a folder cannot hold a journal, in words for whoever named it.
 *
 * @param directory the folder; what is wrong with a file in it names that
 */
export function whyNot(error: unknown, directory: string): string {
  if (!(error instanceof Error)) return String(error);
  const { code, path } = error as NodeJS.ErrnoException;
  const isFile = path?.startsWith(join(directory, "/")) === true;
  if (isFile) return `${path}: ${reasonOf(error)}`;
  const known = reasons[code ?? ""];
  if (known !== undefined) return known;
  return unwritable.includes(sqliteCodeOf(error))
    ? `this user may not write into it, or not its file ${join(directory, "lock")}`
    : error.message;
}

/** Why a file cannot be opened, in words; what else went wrong in its own. The file is named by whoever asks. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return fileReasons[(error as NodeJS.ErrnoException).code ?? ""] ?? error.message;
}

/** Of a file. */
const fileReasons: Readonly<Record<string, string>> = {
  EACCES: "this user may not read and write it; another user's master may have left it",
  EPERM: "this user may not read and write it; another user's master may have left it",
  EISDIR: "it is a folder, not a file",
  EROFS: "the disk is read-only",
  ENOSPC: "the disk is full",
};

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
