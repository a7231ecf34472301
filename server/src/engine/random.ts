import { randomFillSync } from "node:crypto";

/** A source of uniform integers in [0, 2^32). */
export type Draw = () => number;

const poolSize = 1_024;

/** Draws that nobody can foresee, from the system's own generator, a page at a time. */
export function systemDraw(): Draw {
  const pool = new Uint32Array(poolSize);
  let at = poolSize;
  return () => {
    if (at === poolSize) {
      randomFillSync(pool);
      at = 0;
    }
    return pool[at++] as number;
  };
}
