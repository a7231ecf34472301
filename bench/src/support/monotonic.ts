/**
 * Milliseconds on the machine's monotonic clock, which all its processes share: one process can take the start
 * of what another one sees the end of.
 */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
