/** Why a folder cannot hold a journal, in words for whoever named it. */
export function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  const known = reasons[code ?? ""];
  if (known !== undefined) return known;
  return isSqlites(error) ? "this user may not write into it" : error.message;
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
function isSqlites(error: Error): boolean {
  const cannotOpen = 14;
  const readOnly = 8;
  if (!("errcode" in error) || typeof error.errcode !== "number") return false;
  // Extended codes keep the primary one in their low byte.
  const primary = error.errcode & 0xff;
  return primary === cannotOpen || primary === readOnly;
}
