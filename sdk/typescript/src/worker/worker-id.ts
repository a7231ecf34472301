import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A worker id that no other worker of this machine has. */
export interface ClaimedId {
  readonly workerId: string;
  /** Another worker may have it. */
  release(): void;
}

/** More workers of one host than this get a random id. */
const mostPerHost = 1_024;

/**
 * A name for a worker that was given none: the host's, and the least number that no other live worker of this
 * machine has. So a worker that is started again is the same to the master, which gives its tasks back at once
 * and shows it once, and several workers of a host never push each other out.
 *
 * A number is claimed by a file that names the process: one whose process is gone is free again. Where no file
 * can be written the second part is random.
 *
 * @param folder where the files are: one that all workers of the machine share
 */
export function claimWorkerId(host: string, folder = tmpdir()): ClaimedId {
  const name = nameOf(host);
  const mine = join(folder, `capstan-worker-${randomUUID()}.claim`);
  try {
    // Linked, not written, to its place: nobody ever reads half of it.
    writeFileSync(mine, ownMark());
    try {
      for (let number = 1; number <= mostPerHost; number++) {
        const workerId = `${name}-${number}`;
        const path = join(folder, `capstan-worker-${workerId.replaceAll(":", "_")}.pid`);
        if (claim(mine, path)) return { workerId, release: () => release(path) };
      }
    } finally {
      unlinkSync(mine);
    }
  } catch {
    // No such folder, or one that is not ours to write: the id is then one that nobody else can have.
  }
  return { workerId: `${name}-${randomUUID().slice(0, 8)}`, release: () => {} };
}

/** The host's name, as far as an id can have it. */
function nameOf(host: string): string {
  const name = host.replace(/[^A-Za-z0-9._:-]/g, "-").replace(/^[^A-Za-z0-9]+/, "");
  return name.slice(0, 100) || "worker";
}

/** @returns false when a live worker has it */
function claim(mine: string, path: string): boolean {
  for (;;) {
    try {
      linkSync(mine, path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const mark = read(path);
    // Released just now.
    if (mark === undefined) continue;
    if (isLive(mark) || !remove(path, mark)) return false;
  }
}

function ownMark(): string {
  return markOf(process.pid);
}

/** A process number comes again, in a container at each start: the moment of the start tells them apart. */
function markOf(pid: number): string {
  return `${pid} ${startOf(pid)}`;
}

/** In ticks since the machine's start; empty where the system does not say. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The 22nd field; the second is the program's name in brackets, which may have spaces.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

function isLive(mark: string): boolean {
  const pid = Number.parseInt(mark, 10);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return mark === markOf(pid);
}

/**
 * Removes the claim of a process that is gone.
 * @returns false when it is not ours to remove
 */
function remove(path: string, mark: string): boolean {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
  // Somebody else may have removed it and claimed the number since it was read: it goes back.
  if (read(aside) !== mark) putBack(aside, path);
  unlinkSync(aside);
  return true;
}

function putBack(aside: string, path: string): void {
  try {
    linkSync(aside, path);
  } catch {
    // A third one has it: whoever registers last under the id wins, as with ids that are given.
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function release(path: string): void {
  try {
    if (read(path) === ownMark()) unlinkSync(path);
  } catch {
    // It is free when the process has ended.
  }
}
