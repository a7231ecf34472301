import type { Timestamp } from "@capstan/proto/google/protobuf/timestamp.js";
import type { WallMs } from "../../core/index.js";

/** A date for people. @returns undefined for what has no date yet */
export function timestamp(wall: WallMs | undefined): Timestamp | undefined {
  if (wall === undefined) return undefined;
  const seconds = Math.floor(wall / 1_000);
  return { seconds: BigInt(seconds), nanos: Math.floor((wall - seconds * 1_000) * 1_000_000) };
}

/** A length of time in a 32-bit field: longer ones are said to be as long as fits. */
export function milliseconds(ms: number): number {
  return Math.min(Math.max(0, Math.round(ms)), 0xffff_ffff);
}
