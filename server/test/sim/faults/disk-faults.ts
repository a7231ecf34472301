import type { World } from "../world.js";

/** What befalls the master's disk. Each is over after a while. */

export function slowDisk({ disk, random, scheduler }: World): void {
  disk.slowMs = random.integer(20, 400);
  scheduler.after(random.integer(5_000, 60_000), () => {
    disk.slowMs = 0;
  });
}

/** Nothing that is begun ends for a while, as when a storage system elects anew. */
export function blockDisk({ disk, random, scheduler }: World): void {
  disk.blockedUntil = scheduler.now + random.integer(1_000, 40_000);
}

export function fullDisk({ disk, random, scheduler }: World): void {
  disk.storage.freeBytes = random.integer(0, 3_000);
  scheduler.after(random.integer(1_000, 60_000), () => {
    disk.storage.freeBytes = Infinity;
  });
}

/** The next sync fails, and the process must end: what it wrote may be there or not. */
export function failFsync({ disk, random }: World): void {
  disk.storage.failedSyncDropsPages = random.chance(0.5);
  disk.storage.syncFails = true;
}

/** A write ends in the middle, and the process must end: what it wrote is there, and no more. */
export function failWrite({ disk, random }: World): void {
  disk.storage.bytesUntilWriteFails = random.integer(0, 3_000);
}
