import type { DurationMs } from "./ids.js";
import type { RetryPolicy } from "./spec.js";

/**
 * How long to wait before the next attempt: full jitter over a growing ceiling.
 *
 * Growing alone makes tasks that failed together retry together; drawing from the whole range
 * spreads them out.
 * Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 *
 * @param failures how many failures were charged so far, this one included; at least 1
 * @param draw uniform in [0, 2^32)
 * @returns milliseconds in [0, min(cap, base * factor^(failures - 1)))
 * @throws RangeError if `failures` is not a positive integer
 */
export function backoffMs(
  policy: Pick<RetryPolicy, "backoffBaseMs" | "backoffFactor" | "backoffCapMs">,
  failures: number,
  draw: number,
): DurationMs {
  if (!Number.isInteger(failures) || failures < 1) {
    throw new RangeError(`failures must be a positive integer, got ${failures}`);
  }
  // factor^1000 may be Infinity, and that is smaller than no cap: min() does what is meant.
  const ceilingMs = Math.min(
    policy.backoffCapMs,
    policy.backoffBaseMs * policy.backoffFactor ** Math.min(failures - 1, 1_000),
  );
  return Math.floor((draw / 2 ** 32) * ceilingMs);
}
