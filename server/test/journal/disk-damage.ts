import { join } from "node:path";
import { segmentName } from "../../src/journal/file/format.js";
import type { SimulatedDisk } from "./simulated-disk.js";

/** What can befall files that nobody writes to. */
export const damageKinds = [
  "bit_flipped",
  "zeros",
  "garbage",
  "cut_short",
  "extended",
  "removed",
  "doubled",
  "swapped",
] as const;
export type DamageKind = (typeof damageKinds)[number];

/** What was done, and where. */
export interface Damage {
  readonly kind: DamageKind;
  readonly path: string;
  /** The first byte that is another one now; the size of the file where one is removed, doubled or swapped. */
  readonly offset: number;
}

/**
 * Damages one of the files of a folder, durably and behind everybody's back, at a place of the draw's.
 * Does nothing, and says so, where there is nothing to damage.
 *
 * @param random uniform in [0, 1)
 * @returns undefined if nothing has changed
 */
export function damage(
  disk: SimulatedDisk,
  directory: string,
  kind: DamageKind,
  random: () => number,
): Damage | undefined {
  const paths = disk.paths(directory);
  const below = (count: number) => Math.floor(random() * count);
  const path = paths[below(paths.length)];
  if (path === undefined) return undefined;
  const file = disk.contents(path);
  const offset = below(file.length);
  const change = (bytes: Uint8Array): Damage | undefined => {
    const before = disk.contents(path);
    const end = Math.min(before.length, bytes.length);
    let at = 0;
    while (at < end && before[at] === bytes[at]) at += 1;
    if (at === before.length && at === bytes.length) return undefined;
    disk.plant(path, bytes);
    return { kind, path, offset: at };
  };
  switch (kind) {
    case "bit_flipped":
      if (file.length === 0) return undefined;
      disk.flipBit(path, offset, below(8));
      return { kind, path, offset };
    case "zeros":
      return change(file.fill(0, offset, Math.min(file.length, offset + 1 + below(4_096))));
    case "garbage": {
      const end = Math.min(file.length, offset + 1 + below(4_096));
      for (let at = offset; at < end; at++) file[at] = below(256);
      return change(file);
    }
    case "cut_short":
      return change(file.subarray(0, offset));
    case "extended": {
      const isGarbage = random() < 0.5;
      const more = Buffer.alloc(1 + below(4_096)).map(() => (isGarbage ? below(256) : 0));
      return change(Buffer.concat([file, more]));
    }
    case "removed":
      disk.removeForGood(path);
      return { kind, path, offset: file.length };
    case "doubled": {
      const as = join(directory, segmentName(1 + below(1_000)));
      if (paths.includes(as)) return undefined;
      disk.plant(as, file);
      return { kind, path: as, offset: file.length };
    }
    case "swapped": {
      const other = paths[below(paths.length)];
      if (other === undefined || other === path) return undefined;
      disk.plant(path, disk.contents(other));
      disk.plant(other, file);
      return { kind, path, offset: file.length };
    }
  }
}
