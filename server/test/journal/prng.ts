import { Prng } from "../core/support/prng.js";

/** Uniform in [0, 1), the same for the same seed: enough to choose faults with. */
export function prng(seed: number): () => number {
  const { uint32 } = new Prng(seed);
  return () => uint32() / 2 ** 32;
}
